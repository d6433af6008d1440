#include <cmath>

#include "coordinator/store/results_view.h"
#include "coordinator/store/run_status.h"
#include "tests/coordinator/store/trials.h"

namespace plateau {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;

class ReadRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = open_store(folder_.path(), {"quickstart", "0.1.0"});
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    NewTrial baseline = new_trial(2, 0);
    baseline.is_baseline = true;
    ASSERT_TRUE(store_->put_sweep({"name: quickstart\n", R"({"metric": "accuracy"})"},
                                  {new_trial(4, 0), new_trial(4, 1), baseline}, kNow));
  }
  void commit(const std::vector<Record>& batch) {
    const Status done = store_->commit(batch, kNow);
    ASSERT_TRUE(done) << done.error().message;
  }
  RunView view() {
    auto view = read_run(folder_.path());
    EXPECT_TRUE(view) << view.error().message;
    return view ? std::move(*view) : RunView{};
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
};

TEST_F(ReadRunTest, shows_the_run_and_its_trials_while_a_writer_has_it_open) {
  const RunView run = view();
  EXPECT_EQ(run.name, "quickstart");
  EXPECT_EQ(run.program_version, "0.1.0");
  EXPECT_EQ(run.sweep_yaml, "name: quickstart\n");
  EXPECT_EQ(run.sweep_report["metric"], "accuracy");
  ASSERT_EQ(run.trials.size(), 3u);
  EXPECT_EQ(run.trials[0].id, TrialId{1});
  EXPECT_EQ(run.trials[0].key, trial_key(new_trial(4, 0).trial));
  EXPECT_EQ(run.trials[0].cell, run.trials[1].cell);
  EXPECT_NE(run.trials[0].cell, run.trials[2].cell);
  EXPECT_EQ(run.trials[0].trial.adapter->parameters["rank"], 4);
  // Of 100,000 rows each part is there once.
  EXPECT_EQ(run.trials[0].trial.base, run.trials[1].trial.base);
  EXPECT_EQ(run.trials[0].trial.adapter, run.trials[1].trial.adapter);
  EXPECT_NE(run.trials[0].trial.seed, run.trials[1].trial.seed);
  EXPECT_EQ(trial_key(run.trials[0].trial.trial()), run.trials[0].key);
  EXPECT_EQ(run.trials[0].folder.substr(0, 7), "trials/");
  EXPECT_FALSE(run.trials[0].is_baseline);
  EXPECT_TRUE(run.trials[2].is_baseline);
  EXPECT_EQ(run.trials[0].state, TrialState::kQueued);
}

TEST_F(ReadRunTest, a_finished_trial_has_everything_its_result_says) {
  commit(a_finished_trial(1));
  const TrialRow row = view().trials[0];
  EXPECT_EQ(row.state, TrialState::kFinished);
  EXPECT_EQ(row.attempts, 1);
  ASSERT_EQ(row.metrics.size(), 2u);
  EXPECT_EQ(row.metrics[0].split, "test");
  EXPECT_EQ(row.metrics[0].name, "accuracy");
  EXPECT_EQ(row.metrics[0].value, 0.875);
  EXPECT_EQ(row.metrics[0].step, 100);
  EXPECT_EQ(row.adapter_parameters, 1000);
  EXPECT_EQ(row.head_parameters, 30);
  EXPECT_EQ(row.base_parameters, 500000);
  EXPECT_EQ(row.train_seconds, 1.5);
  EXPECT_EQ(row.train_tokens, 12345);
  EXPECT_EQ(row.peak_memory_bytes, 1048576);
  EXPECT_EQ(row.adapter_bytes, 4096);
  EXPECT_EQ(row.base_bytes, 2000000);
  EXPECT_EQ(row.device_name, "a CPU");
  EXPECT_EQ(row.torch_version, "2.11.0");
  EXPECT_EQ(row.notes, std::vector<std::string>{"3 rows were dropped"});
  ASSERT_EQ(row.curve.size(), 1u);
  EXPECT_EQ(row.curve[0].step, 50);
  EXPECT_EQ(row.curve[0].value, 0.7);
}

TEST_F(ReadRunTest, states_and_reasons_come_out_as_the_table_needs_them) {
  commit({assigned(1, 1), changed(1, TrialStatus::kAssigned)});
  EXPECT_EQ(view().trials[0].state, TrialState::kRunning);
  commit({record::AttemptEnded{ref(1, 1), AttemptEnd::kDiverged, false, "loss is NaN at step 7"},
          changed(1, TrialStatus::kDiverged), changed(2, TrialStatus::kFailed, "no such file"),
          changed(3, TrialStatus::kStopped, "no hope")});
  const RunView run = view();
  EXPECT_EQ(run.trials[0].state, TrialState::kDiverged);
  EXPECT_EQ(run.trials[0].reason, "loss is NaN at step 7");
  EXPECT_EQ(run.trials[1].state, TrialState::kFailed);
  EXPECT_EQ(run.trials[1].reason, "no such file");
  EXPECT_EQ(run.trials[2].state, TrialState::kStopped);
  EXPECT_EQ(to_string(TrialState::kStopped), "stopped");
}

TEST_F(ReadRunTest, a_resumed_trials_curve_joins_its_attempts_where_the_later_one_went_on) {
  const auto metric = [](std::int64_t attempt, std::int64_t step, double value) {
    return record::Metric{ref(1, attempt), {step, "validation", "loss", value}};
  };
  commit({assigned(1, 1), record::AttemptStarted{ref(1, 1), 0, 100}, metric(1, 10, 0.9),
          metric(1, 20, 0.8), metric(1, 30, 0.75),
          record::AttemptEnded{ref(1, 1), AttemptEnd::kWorkerLost, false, ""}, assigned(1, 2),
          record::AttemptStarted{ref(1, 2), 20, 100}, metric(1, 10, 0.9), metric(2, 30, 0.7),
          metric(2, 30, std::nan("")), record::Result{ref(1, 2), "{}", {}},
          record::AttemptEnded{ref(1, 2), AttemptEnd::kFinished, false, ""},
          changed(1, TrialStatus::kFinished)});
  const TrialRow row = view().trials[0];
  EXPECT_EQ(row.attempts, 2);
  ASSERT_EQ(row.curve.size(), 3u);
  EXPECT_EQ(row.curve[0].step, 10);
  EXPECT_EQ(row.curve[1].value, 0.8);
  EXPECT_EQ(row.curve[2].step, 30);
  EXPECT_TRUE(std::isnan(row.curve[2].value));
}

TEST_F(ReadRunTest, status_has_the_counts_and_who_runs_or_failed) {
  commit(a_finished_trial(1));
  commit(
      {record::AttemptAssigned{{TrialId{2}, AttemptNumber{1}}, SessionId{7}, "node", SlotIndex{0}},
       record::TrialChanged{TrialId{2}, TrialStatus::kAssigned, "", {}},
       record::TrialChanged{TrialId{3}, TrialStatus::kFailed, "no such column", {}}});
  const auto status = read_status(folder_.path());
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->name, "quickstart");
  const std::map<TrialState, std::int64_t> expected = {
      {TrialState::kRunning, 1}, {TrialState::kFinished, 1}, {TrialState::kFailed, 1}};
  EXPECT_EQ(status->counts, expected);
  ASSERT_EQ(status->running_and_failed.size(), 2u);
  EXPECT_EQ(status->running_and_failed[0].id, TrialId{2});
  EXPECT_EQ(status->running_and_failed[0].attempts, 1);
  EXPECT_EQ(status->running_and_failed[1].state, TrialState::kFailed);
  EXPECT_EQ(status->running_and_failed[1].reason, "no such column");
}

TEST_F(ReadRunTest, status_of_no_run_is_not_found) {
  const auto status = read_status(folder_.path() / "none");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace plateau
