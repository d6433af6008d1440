// The trainer from assignment to artifacts: what it reports, what it writes, how it fails.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/text.h"
#include "common/spec/methods.h"
#include "tests/worker/trainer/support/tiny.h"
#include "worker/trainer/adapters/registry.h"
#include "worker/trainer/failure.h"
#include "worker/trainer/train.h"

namespace plateau::trainer {
namespace {

using Json = nlohmann::json;
using testing::fresh_folder;
using testing::tiny_data;
using testing::tiny_trial;
using testing::write_task;
using testing::write_tiny_bert;

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest()
      : bert_(write_tiny_bert()),
        task_(write_task(*tiny_data(40))),
        trainer_({clock_, [this](const Json& message) { messages_.push_back(message); }, "cpu",
                  "a processor", "0.0.0"}) {}

  Assignment assignment(std::int64_t id, const std::string& method, std::uint64_t seed = 1) {
    Assignment result;
    result.trial_id = id;
    result.attempt = 1;
    result.trial = tiny_trial(method, 2, seed);
    if (method == "majority") result.trial.adapter.parameters = Json::object();
    if (method == "probe") result.trial.adapter.parameters = {{"l2", 1e-3}};
    result.trial.base.path = bert_.string();
    result.trial.task.path = task_.string();
    result.trial.task.reader = "jsonl";
    result.trial.optimizer.epochs = 2.0;
    result.folder = fresh_folder("trial-" + std::to_string(id));
    return result;
  }

  void run() {
    for (int i = 0; i < 500 && trainer_.has_work(); ++i)
      trainer_.step();
    EXPECT_FALSE(trainer_.has_work());
  }

  std::vector<Json> of_type(const std::string& type, std::int64_t id = 0) const {
    std::vector<Json> found;
    for (const Json& message : messages_) {
      if (message["type"] == type && (id == 0 || message["trial_id"] == id))
        found.push_back(message);
    }
    return found;
  }

  // Test metrics and adapter bytes: equal for equal runs.
  static std::string essence(const Json& finished) {
    std::string text = finished["result"]["metrics"].dump();
    for (const Json& artifact : finished["artifacts"])
      text += artifact["name"].get<std::string>() + artifact["sha256"].get<std::string>();
    return text;
  }

  FakeClock clock_;
  std::filesystem::path bert_, task_;
  std::vector<Json> messages_;
  Trainer trainer_;
};

TEST_F(TrainerTest, trains_a_trial_and_leaves_its_artifacts) {
  const Assignment asked = assignment(7, "lora");
  trainer_.assign(asked);
  run();
  ASSERT_EQ(of_type("started").size(), 1U);
  EXPECT_EQ(of_type("started")[0]["steps_total"], 20);
  const auto finished = of_type("finished", 7);
  ASSERT_EQ(finished.size(), 1U) << Json(messages_).dump(1);
  const Json& result = finished[0]["result"];
  EXPECT_EQ(result["steps"], 20);
  EXPECT_EQ(result["parameters"]["head"], 3 * 16 + 3);
  EXPECT_EQ(result["precision"], "float64");
  EXPECT_GT(result["train_tokens"], 200);
  ASSERT_EQ(finished[0]["artifacts"].size(), 4U);
  for (const Json& artifact : finished[0]["artifacts"]) {
    const std::string path = artifact["path"];
    EXPECT_EQ(*sha256_of_file(path), artifact["sha256"]);
    EXPECT_EQ(std::filesystem::file_size(path), artifact["size_bytes"]);
  }
  const auto lines = split(*read_file(asked.folder / "predictions.jsonl"), '\n');
  EXPECT_EQ(lines.size(), 21U);  // 20 items and the end.
  int validations = 0;
  for (const Json& metric : of_type("metric"))
    validations += metric["split"] == "validation" && metric["name"] == "accuracy";
  EXPECT_EQ(validations, 2);
}

TEST_F(TrainerTest, a_packed_trial_reports_what_it_reports_alone) {
  trainer_.assign(assignment(1, "lora"));
  trainer_.assign(assignment(2, "dora"));
  trainer_.step();
  trainer_.assign(assignment(3, "loreft"));  // Joins a pack that is on its way.
  run();
  for (const auto& [id, method] : {std::pair{1, "lora"}, {2, "dora"}, {3, "loreft"}}) {
    const auto packed = of_type("finished", id);
    ASSERT_EQ(packed.size(), 1U);
    Assignment alone = assignment(id + 10, method);
    alone.alone = true;
    trainer_.assign(alone);
    run();
    const Json a = packed[0]["result"]["metrics"];
    const Json b = of_type("finished", id + 10)[0]["result"]["metrics"];
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_NEAR(a[i]["value"].get<double>(), b[i]["value"].get<double>(), 1e-9) << a[i].dump();
  }
}

TEST_F(TrainerTest, alone_means_alone) {
  Assignment alone = assignment(2, "lora");
  alone.alone = true;
  trainer_.assign(assignment(1, "lora"));
  trainer_.assign(alone);
  trainer_.assign(assignment(3, "lora"));
  trainer_.step();
  EXPECT_EQ(of_type("started").size(), 1U);
  run();
  std::vector<std::string> order;
  for (const Json& message : messages_) {
    if (message["type"] == "started" || message["type"] == "finished")
      order.push_back(message["type"].get<std::string>()[0] +
                      std::to_string(message["trial_id"].get<int>()));
  }
  EXPECT_EQ(order, (std::vector<std::string>{"s1", "f1", "s2", "f2", "s3", "f3"}));
}

TEST_F(TrainerTest, resumes_exactly_and_falls_back_to_an_older_checkpoint) {
  trainer_.assign(assignment(1, "loreft"));
  run();
  const std::string straight = essence(of_type("finished", 1)[0]);
  Assignment cut = assignment(2, "loreft");
  trainer_.assign(cut);
  for (int i = 0; i < 6; ++i)
    trainer_.step();
  trainer_.checkpoint_all();
  trainer_.step();
  trainer_.hand_back_all();
  EXPECT_EQ(of_type("handed_back", 2).size(), 1U);
  EXPECT_FALSE(trainer_.has_work());
  const auto checkpoints = of_type("checkpoint", 2);
  ASSERT_EQ(checkpoints.size(), 2U);
  EXPECT_EQ(checkpoints[1]["step"], 7);
  const std::string newest = checkpoints[1]["path"];
  EXPECT_EQ(*sha256_of_file(newest), checkpoints[1]["sha256"]);

  Assignment resumed = cut;
  resumed.attempt = 2;
  resumed.resume = newest;
  trainer_.assign(resumed);
  run();
  EXPECT_EQ(of_type("started", 2).back()["step"], 7);
  EXPECT_EQ(essence(of_type("finished", 2)[0]), straight);

  ASSERT_TRUE(write_file_atomically(newest, "damaged"));
  resumed.attempt = 3;
  trainer_.assign(resumed);
  run();
  EXPECT_EQ(of_type("started", 2).back()["step"], 6);
  const Json last = of_type("finished", 2).back();
  EXPECT_EQ(essence(last), straight);
  EXPECT_NE(last["result"]["notes"].dump().find("could not be used"), std::string::npos);
}

TEST_F(TrainerTest, checkpoints_by_the_clock) {
  Assignment asked = assignment(1, "lora");
  asked.trial.checkpoint_every_s = 10;
  trainer_.assign(asked);
  for (int i = 0; i < 9; ++i) {
    trainer_.step();
    clock_.advance(4000);
  }
  EXPECT_EQ(of_type("checkpoint").size(), 2U);
}

TEST_F(TrainerTest, keeps_the_best_weights_when_asked) {
  Assignment asked = assignment(1, "lora");
  asked.trial.protocol.checkpoint = "best";
  asked.trial.protocol.evaluations = 5;
  asked.trial.optimizer.epochs = 6.0;
  trainer_.assign(asked);
  run();
  double best = 0.0;
  for (const Json& metric : of_type("metric")) {
    if (metric["split"] == "validation" && metric["name"] == "accuracy")
      best = std::max(best, metric["value"].get<double>());
  }
  for (const Json& metric : of_type("finished")[0]["result"]["metrics"]) {
    if (metric["split"] == "validation" && metric["name"] == "accuracy") {
      EXPECT_EQ(metric["value"], best);
    }
  }
}

TEST_F(TrainerTest, a_diverged_trial_fails_as_such_and_the_others_finish) {
  Assignment wild = assignment(2, "lora");
  wild.trial.optimizer.learning_rate = 1e200;
  wild.trial.optimizer.schedule = "constant";
  trainer_.assign(assignment(1, "lora"));
  trainer_.assign(wild);
  run();
  ASSERT_EQ(of_type("failed").size(), 1U);
  EXPECT_EQ(of_type("failed")[0]["kind"], "diverged");
  EXPECT_EQ(of_type("failed")[0]["trial_id"], 2);
  EXPECT_EQ(of_type("finished", 1).size(), 1U);
}

// One step to weights that are large and finite; what they compute is not, and only an evaluation
// looks at it.
TEST_F(TrainerTest, outputs_that_are_not_finite_are_a_divergence) {
  for (const std::int64_t evaluations : {1, 0}) {
    Assignment wild = assignment(2 + evaluations, "full");
    wild.trial.protocol.precision = "float32";
    wild.trial.protocol.evaluations = evaluations;
    wild.trial.optimizer.learning_rate = 1e17;
    wild.trial.optimizer.schedule = "constant";
    wild.trial.optimizer.epochs = 0.01;
    trainer_.assign(wild);
    run();
    const auto failed = of_type("failed", wild.trial_id);
    ASSERT_EQ(failed.size(), 1U) << Json(messages_).dump(1);
    EXPECT_EQ(failed[0]["kind"], "diverged");
    EXPECT_NE(failed[0]["message"].get<std::string>().find("outputs are not finite after step 1"),
              std::string::npos)
        << failed[0];
  }
  trainer_.assign(assignment(1, "lora"));
  run();
  EXPECT_EQ(of_type("finished", 1).size(), 1U);
}

TEST_F(TrainerTest, bad_trials_fail_with_a_reason_and_the_next_one_runs) {
  Assignment no_base = assignment(1, "lora");
  no_base.trial.base.path = "/nowhere";
  Assignment no_task = assignment(2, "lora");
  no_task.trial.task.path = "/nowhere";
  Assignment rank = assignment(3, "lora");
  rank.trial.adapter.parameters["rank"] = 999;
  for (const Assignment& bad : {no_base, no_task, rank})
    trainer_.assign(bad);
  trainer_.assign(assignment(4, "lora"));
  run();
  ASSERT_EQ(of_type("failed").size(), 3U);
  for (const Json& failed : of_type("failed")) {
    EXPECT_EQ(failed["kind"], "bad_configuration");
    EXPECT_GT(failed["message"].get<std::string>().size(), 20U);
  }
  EXPECT_EQ(of_type("finished", 4).size(), 1U);
}

TEST_F(TrainerTest, a_folder_that_cannot_be_written_is_the_nodes_fault) {
  Assignment asked = assignment(1, "lora");
  asked.folder = "/proc/plateau";  // Nothing can be written there.
  trainer_.assign(asked);
  run();
  ASSERT_EQ(of_type("failed").size(), 1U);
  EXPECT_EQ(of_type("failed")[0]["kind"], "node_fault");
}

TEST_F(TrainerTest, cancelled_trials_are_dropped_running_or_waiting) {
  Assignment alone = assignment(2, "lora");
  alone.alone = true;
  trainer_.assign(assignment(1, "lora"));
  trainer_.assign(alone);
  trainer_.step();
  trainer_.cancel(2, 1);
  trainer_.cancel(1, 9);  // Another attempt: not ours.
  EXPECT_EQ(of_type("dropped").size(), 1U);
  trainer_.cancel(1, 1);
  EXPECT_EQ(of_type("dropped").size(), 2U);
  EXPECT_FALSE(trainer_.has_work());
  EXPECT_TRUE(of_type("checkpoint").empty());
}

TEST_F(TrainerTest, baselines_report_like_trials) {
  trainer_.assign(assignment(1, "majority"));
  trainer_.assign(assignment(2, "probe"));
  run();
  for (const std::int64_t id : {1, 2}) {
    const auto finished = of_type("finished", id);
    ASSERT_EQ(finished.size(), 1U) << Json(messages_).dump(1);
    EXPECT_EQ(finished[0]["result"]["parameters"]["adapter"], 0);
    EXPECT_EQ(finished[0]["artifacts"].size(), 2U);
  }
  EXPECT_EQ(of_type("finished", 1)[0]["result"]["parameters"]["head"], 0);
  EXPECT_EQ(of_type("finished", 2)[0]["result"]["parameters"]["head"], 3 * 16 + 3);
}

TEST(Methods, are_those_of_the_specification) {
  std::vector<std::string> ours = adapter_methods();
  const auto baselines = baseline_methods();
  ours.insert(ours.end(), baselines.begin(), baselines.end());
  EXPECT_EQ(ours, method_names());
}

TEST(EvaluationSteps, lie_evenly_and_end_at_the_end) {
  EXPECT_EQ(evaluation_steps(200, 2), (std::vector<std::int64_t>{100, 200}));
  EXPECT_EQ(evaluation_steps(10, 3), (std::vector<std::int64_t>{3, 7, 10}));
  EXPECT_EQ(evaluation_steps(2, 5), (std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(evaluation_steps(10, 0).empty());
}

TEST(Guarded, turns_exceptions_into_kinds) {
  EXPECT_FALSE(guarded([] { return Status(); }).has_value());
  EXPECT_EQ(guarded([]() -> Status { throw std::bad_alloc(); })->kind, "out_of_memory");
  EXPECT_EQ(guarded([]() -> Status { return io_error("disk"); })->kind, "node_fault");
  EXPECT_EQ(guarded([]() -> Status {
              at::mm(at::ones({2, 3}), at::ones({2, 3}));
              return {};
            })->kind,
            "crashed");
  EXPECT_EQ(guarded([]() -> Status {
              at::empty({std::int64_t{1} << 45});
              return {};
            })->kind,
            "out_of_memory");
}

}  // namespace
}  // namespace plateau::trainer
