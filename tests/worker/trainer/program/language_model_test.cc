// Language modelling from assignment to artifacts, on a small Llama.
#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/train.h"

namespace plateau::trainer {
namespace {

using Json = nlohmann::json;
using testing::Family;
using testing::family_data;
using testing::family_trial;
using testing::fresh_folder;
using testing::write_task;

const Family& llama_lm() {
  return testing::families().back();
}

class LanguageModelTest : public ::testing::Test {
 protected:
  LanguageModelTest()
      : base_(write_family(llama_lm())),
        task_(write_task(*family_data(llama_lm()))),
        trainer_({clock_, [this](const Json& message) { messages_.push_back(message); }, "cpu",
                  "a processor", "0.0.0"}) {}

  Assignment assignment(std::int64_t id, const std::string& method) {
    Assignment result;
    result.trial_id = id;
    result.attempt = 1;
    result.trial = family_trial(llama_lm(), method == "majority" ? "none" : method, 2, 1);
    result.trial.adapter.method = method;
    result.trial.base.path = base_.string();
    result.trial.task.path = task_.string();
    result.trial.task.reader = "jsonl";
    result.folder = fresh_folder("trial-" + std::to_string(id));
    return result;
  }

  // The one message of a type about a trial, after everything has run.
  Json run(const Assignment& asked, const char* type = "finished") {
    trainer_.assign(asked);
    for (int i = 0; i < 500 && trainer_.has_work(); ++i)
      trainer_.step();
    for (const Json& message : messages_) {
      if (message["type"] == type && message["trial_id"] == asked.trial_id) return message;
    }
    ADD_FAILURE() << "no " << type << ": " << Json(messages_).dump(1);
    return {};
  }

  static double metric(const Json& finished, const std::string& split, const std::string& name) {
    for (const Json& entry : finished["result"]["metrics"]) {
      if (entry["split"] == split && entry["name"] == name) return entry["value"];
    }
    ADD_FAILURE() << "no " << name << " of the " << split << " split";
    return 0.0;
  }

  FakeClock clock_;
  std::filesystem::path base_, task_;
  std::vector<Json> messages_;
  Trainer trainer_;
};

TEST_F(LanguageModelTest, reports_loss_and_perplexity_and_each_texts_share) {
  const Assignment asked = assignment(1, "lora");
  const Json finished = run(asked);
  const double loss = metric(finished, "test", "loss");
  EXPECT_NEAR(metric(finished, "test", "perplexity"), std::exp(loss), 1e-9);
  EXPECT_EQ(finished["result"]["parameters"]["head"], 0);
  double sum = 0.0, tokens = 0.0;
  for (const std::string& line : split(*read_file(asked.folder / "predictions.jsonl"), '\n')) {
    if (line.empty()) continue;
    const Json item = Json::parse(line);
    sum += item["scores"][0].get<double>();
    tokens += item["scores"][1].get<double>();
    EXPECT_EQ(item["label"], 0.0);
    EXPECT_NEAR(item["prediction"].get<double>() * item["scores"][1].get<double>(),
                item["scores"][0].get<double>(), 1e-9);
  }
  EXPECT_NEAR(sum / tokens, loss, 1e-9);
  const auto config = Json::parse(*read_file(asked.folder / "adapter/adapter_config.json"));
  EXPECT_EQ(config["task_type"], "CAUSAL_LM");
  EXPECT_TRUE(config["modules_to_save"].is_null());
}

TEST_F(LanguageModelTest, the_frozen_base_is_measured_without_a_step) {
  const Json frozen = run(assignment(1, "none")), trained = run(assignment(2, "full"));
  EXPECT_EQ(frozen["result"]["steps"], 0);
  EXPECT_EQ(frozen["result"]["parameters"]["adapter"], 0);
  EXPECT_GT(metric(frozen, "validation", "perplexity"), 1.0);
  EXPECT_GT(metric(frozen, "test", "perplexity"), metric(trained, "test", "perplexity"));
}

// The best checkpoint is the one with the lowest perplexity: a learning rate that destroys the
// model at the end must not win.
TEST_F(LanguageModelTest, the_best_checkpoint_has_the_lowest_perplexity) {
  Assignment asked = assignment(1, "lora");
  asked.trial.protocol.checkpoint = "best";
  asked.trial.protocol.evaluations = 30;
  asked.trial.optimizer.learning_rate = 0.3;
  const Json finished = run(asked);
  double lowest = HUGE_VAL;
  for (const Json& message : messages_) {
    if (message["type"] == "metric" && message["split"] == "validation" &&
        message["name"] == "perplexity")
      lowest = std::min(lowest, message["value"].get<double>());
  }
  EXPECT_EQ(metric(finished, "validation", "perplexity"), lowest);
}

TEST_F(LanguageModelTest, baselines_that_need_classes_are_refused_by_name) {
  const Json failed = run(assignment(1, "majority"), "failed");
  EXPECT_EQ(failed["kind"], "bad_configuration");
  EXPECT_NE(failed["message"].get<std::string>().find("the adapter `none`"), std::string::npos);
}

}  // namespace
}  // namespace plateau::trainer
