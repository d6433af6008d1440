// Regression from assignment to artifacts: squared error, and how well the order is met.
#include <cmath>
#include <numeric>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "tests/worker/trainer/support/tiny.h"
#include "worker/trainer/eval/metrics.h"
#include "worker/trainer/train.h"

namespace plateau::trainer {
namespace {

using Json = nlohmann::json;
using testing::fresh_folder;
using testing::tiny_trial;

// Texts of four different tokens; targets between 0 and 5, as in STS-B: the mean token id.
std::shared_ptr<const Dataset> scored_data() {
  auto data = std::make_shared<Dataset>(*testing::tiny_data(80));
  for (Split* split : {&data->train, &data->validation, &data->test}) {
    split->labels.clear();
    for (std::int32_t& id : split->ids)
      id %= 4;
    for (std::int64_t i = 0; i < split->size(); ++i) {
      const auto tokens = split->tokens(i);
      const double sum = std::accumulate(tokens.begin(), tokens.end(), 0.0);
      split->targets[static_cast<std::size_t>(i)] =
          sum * 5.0 / 3.0 / static_cast<double>(tokens.size());
    }
  }
  return data;
}

struct Answers {
  std::vector<double> targets, predictions;
};

class RegressionTest : public ::testing::Test {
 protected:
  RegressionTest()
      : base_(testing::write_tiny_bert()),
        task_(testing::write_task(*scored_data())),
        trainer_({clock_, [this](const Json& message) { messages_.push_back(message); }, "cpu",
                  "a processor", "0.0.0"}) {}

  Assignment assignment(std::int64_t id, const std::string& method) {
    const bool is_baseline = method == "majority" || method == "probe";
    Assignment result;
    result.trial_id = id;
    result.attempt = 1;
    result.trial = tiny_trial(is_baseline ? "none" : method, 2, 1);
    result.trial.adapter.method = method;
    if (method == "probe") result.trial.adapter.parameters = {{"l2", 1e-3}};
    result.trial.base.path = base_.string();
    result.trial.task.path = task_.string();
    result.trial.task.reader = "jsonl";
    result.trial.task.kind = "regression";
    result.trial.task.metric = "spearman";
    result.trial.task.labels.clear();
    result.trial.optimizer.epochs = 10.0;
    result.folder = fresh_folder("trial-" + std::to_string(id));
    return result;
  }

  Json run(const Assignment& asked) {
    trainer_.assign(asked);
    for (int i = 0; i < 500 && trainer_.has_work(); ++i)
      trainer_.step();
    for (const Json& message : messages_) {
      if (message["type"] == "finished" && message["trial_id"] == asked.trial_id) return message;
    }
    ADD_FAILURE() << Json(messages_).dump(1);
    return {};
  }

  static double metric(const Json& finished, const std::string& name,
                       const std::string& split = "test") {
    for (const Json& entry : finished["result"]["metrics"]) {
      if (entry["split"] == split && entry["name"] == name) return entry["value"];
    }
    ADD_FAILURE() << "no " << name;
    return 0.0;
  }

  static Answers answers_of(const Assignment& asked) {
    Answers answers;
    for (const std::string& line : split(*read_file(asked.folder / "predictions.jsonl"), '\n')) {
      if (line.empty()) continue;
      const Json item = Json::parse(line);
      answers.targets.push_back(item["label"]);
      answers.predictions.push_back(item["prediction"]);
    }
    return answers;
  }

  FakeClock clock_;
  std::filesystem::path base_, task_;
  std::vector<Json> messages_;
  Trainer trainer_;
};

double squared_error(const Answers& answers) {
  double sum = 0.0;
  for (std::size_t i = 0; i < answers.targets.size(); ++i)
    sum += std::pow(answers.targets[i] - answers.predictions[i], 2);
  return sum / static_cast<double>(answers.targets.size());
}

TEST_F(RegressionTest, reports_what_its_predictions_say) {
  const Assignment asked = assignment(1, "lora");
  const Json finished = run(asked);
  const Answers answers = answers_of(asked);
  const Split test = scored_data()->test;
  ASSERT_EQ(answers.targets.size(), 40U);
  for (std::size_t i = 0; i < answers.targets.size(); ++i)
    EXPECT_NEAR(answers.targets[i], test.targets[i], 1e-9);
  EXPECT_NEAR(metric(finished, "loss"), squared_error(answers), 1e-9);
  EXPECT_NEAR(metric(finished, "pearson"), pearson(answers.targets, answers.predictions), 1e-12);
  EXPECT_NEAR(metric(finished, "spearman"), spearman(answers.targets, answers.predictions), 1e-12);
  EXPECT_GT(metric(finished, "pearson"), 0.5);
  EXPECT_EQ(finished["result"]["parameters"]["head"], 16 + 1);
}

TEST_F(RegressionTest, its_baselines_are_the_mean_and_a_ridge_regression) {
  const Assignment mean = assignment(1, "majority"), probe = assignment(2, "probe");
  const Json of_mean = run(mean), of_probe = run(probe);
  double sum = 0.0;
  const auto data = scored_data();
  for (const double target : data->train.targets)
    sum += target;
  for (const double prediction : answers_of(mean).predictions)
    EXPECT_NEAR(prediction, sum / static_cast<double>(data->train.size()), 1e-9);
  EXPECT_EQ(metric(of_mean, "spearman"), 0.0);
  EXPECT_LT(metric(of_probe, "loss"), metric(of_mean, "loss"));
  EXPECT_GT(metric(of_probe, "spearman"), 0.5);
}

TEST_F(RegressionTest, the_best_checkpoint_has_the_highest_correlation) {
  Assignment asked = assignment(1, "full");
  asked.trial.protocol.checkpoint = "best";
  asked.trial.protocol.evaluations = 20;
  asked.trial.optimizer.learning_rate = 0.1;
  const Json finished = run(asked);
  double highest = -1.0, last = 0.0;
  for (const Json& message : messages_) {
    if (message["type"] != "metric" || message["split"] != "validation" ||
        message["name"] != "spearman")
      continue;
    last = message["value"];
    highest = std::max(highest, last);
  }
  EXPECT_LT(last, highest) << "the last evaluation is the best one: nothing is seen";
  EXPECT_EQ(metric(finished, "spearman", "validation"), highest);
}

}  // namespace
}  // namespace plateau::trainer
