// What every Store promises: the same tests for SQLite and for memory.
#include <cmath>
#include <functional>

#include "tests/coordinator/store/trials.h"

namespace plateau {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;

// Opens, and opens again, the same store: a restart where there is a file, nothing in memory.
class World {
 public:
  virtual ~World() = default;
  virtual Store& store() = 0;
  virtual void restart() = 0;
};

class SqliteWorld : public World {
 public:
  SqliteWorld() { open(); }
  Store& store() override { return *store_; }
  void restart() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    auto opened = open_store(folder_.path(), {"test", "0.1.0"});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
};

class MemoryWorld : public World {
 public:
  Store& store() override { return *store_; }
  void restart() override {}

 private:
  std::unique_ptr<Store> store_ = memory_store();
};

struct Kind {
  const char* name;
  std::function<std::unique_ptr<World>()> make;
};

class StoreContract : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { world_ = GetParam().make(); }
  Store& store() { return world_->store(); }

  PutSweep put(const std::vector<NewTrial>& trials) {
    auto done = store().put_sweep({"name: x\n", "null"}, trials, kNow);
    EXPECT_TRUE(done) << done.error().message;
    return *done;
  }
  void commit(const std::vector<Record>& batch, TimeMs wall_ms = kNow) {
    const Status done = store().commit(batch, wall_ms);
    EXPECT_TRUE(done) << done.error().message;
  }
  event::Restored restore() {
    world_->restart();
    auto restored = store().restore(kNow + 1);
    EXPECT_TRUE(restored) << restored.error().message;
    return *restored;
  }

  std::unique_ptr<World> world_;
};

TEST_P(StoreContract, an_empty_store_restores_nothing) {
  const event::Restored restored = restore();
  EXPECT_TRUE(restored.trials.empty());
  EXPECT_TRUE(restored.sessions.empty());
  EXPECT_EQ(restored.wall_ms, kNow + 1);
}

TEST_P(StoreContract, new_trials_are_queued_with_what_placement_needs) {
  const PutSweep done = put({new_trial(4, 0), new_trial(4, 1), new_trial(8, 0)});
  EXPECT_EQ(done.added, 3);
  EXPECT_EQ(done.kept, 0);
  const event::Restored restored = restore();
  ASSERT_EQ(restored.trials.size(), 3u);
  EXPECT_EQ(restored.trials[0].facts.id, TrialId{1});
  EXPECT_EQ(restored.trials[0].status, TrialStatus::kQueued);
  EXPECT_EQ(restored.trials[0].facts.round, 0);
  EXPECT_EQ(restored.trials[1].facts.round, 1);  // the second seed of its cell
  EXPECT_EQ(restored.trials[2].facts.round, 0);
  EXPECT_EQ(restored.trials[2].facts.expected_ms, 8000);
  EXPECT_EQ(restored.trials[0].facts.batch_size, 16);
  EXPECT_EQ(restored.trials[0].facts.group, restored.trials[2].facts.group);
}

TEST_P(StoreContract, the_text_of_a_trial_is_what_goes_to_a_worker) {
  put({new_trial(4, 0)});
  const auto text = store().trial_text(TrialId{1});
  ASSERT_TRUE(text);
  EXPECT_EQ(text->key, trial_key(new_trial(4, 0).trial));
  EXPECT_EQ(text->folder, "trials/" + text->label + "-" + text->key.substr(0, 8));
  const auto trial = trial_from_json(nlohmann::json::parse(text->json));
  ASSERT_TRUE(trial) << trial.error().message;
  EXPECT_EQ(trial_key(*trial), text->key);
  EXPECT_EQ(store().trial_text(TrialId{2}).error().kind, ErrorKind::kNotFound);
}

TEST_P(StoreContract, a_key_that_is_there_is_not_added_and_a_finished_one_is_not_run_again) {
  put({new_trial(4, 0), new_trial(8, 0)});
  commit(a_finished_trial(1));
  const PutSweep done = put({new_trial(4, 0), new_trial(8, 0), new_trial(4, 1)});
  EXPECT_EQ(done.added, 1);
  EXPECT_EQ(done.kept, 2);
  EXPECT_EQ(done.finished, 1);
  const event::Restored restored = restore();
  ASSERT_EQ(restored.trials.size(), 3u);
  EXPECT_EQ(restored.trials[0].status, TrialStatus::kFinished);
  EXPECT_EQ(restored.trials[2].facts.round, 1);
}

TEST_P(StoreContract, the_same_trial_twice_in_a_sweep_is_one_trial) {
  const PutSweep done = put({new_trial(4, 0), new_trial(4, 0)});
  EXPECT_EQ(done.added, 1);
  EXPECT_EQ(restore().trials.size(), 1u);
}

TEST_P(StoreContract, a_trial_the_sweep_no_longer_names_waits_and_comes_back) {
  put({new_trial(4, 0), new_trial(8, 0)});
  commit(a_finished_trial(2));
  put({new_trial(4, 0)});
  EXPECT_EQ(restore().trials.size(), 1u);
  put({new_trial(4, 0), new_trial(8, 0)});
  const event::Restored restored = restore();
  ASSERT_EQ(restored.trials.size(), 2u);
  EXPECT_EQ(restored.trials[1].status, TrialStatus::kFinished);
}

TEST_P(StoreContract, a_failed_trial_is_queued_again_when_its_user_asks_again) {
  put({new_trial(4, 0)});
  commit({assigned(1, 1),
          record::AttemptEnded{ref(1, 1), AttemptEnd::kBadConfiguration, true, "no such file"},
          changed(1, TrialStatus::kFailed, "no such file", {1, true, 2, 4, "node-a"})});
  EXPECT_EQ(restore().trials[0].status, TrialStatus::kFailed);
  EXPECT_EQ(restore().trials[0].reason, "no such file");
  put({new_trial(4, 0)});
  const RestoredTrial trial = restore().trials[0];
  EXPECT_EQ(trial.status, TrialStatus::kQueued);
  EXPECT_EQ(trial.reason, "");
  EXPECT_EQ(trial.retry, RetryPolicy{});
  ASSERT_EQ(trial.attempts.size(), 1u);  // the story stays
}

TEST_P(StoreContract, the_same_sweep_is_taken_up_without_its_trials) {
  EXPECT_FALSE(store().take_up_sweep("")->has_value());
  ASSERT_TRUE(store().put_sweep({"name: x\n", "null", "f1", "the plan"},
                                {new_trial(4, 0), new_trial(8, 0), new_trial(16, 0)}, kNow));
  commit(a_finished_trial(1));
  commit({assigned(2, 1),
          record::AttemptEnded{ref(2, 1), AttemptEnd::kBadConfiguration, true, "no such file"},
          changed(2, TrialStatus::kFailed, "no such file")});
  world_->restart();
  EXPECT_FALSE(store().take_up_sweep("another")->has_value());
  EXPECT_EQ(restore().trials[1].status, TrialStatus::kFailed);
  const std::optional<KnownSweep> known = store().take_up_sweep("f1").value();
  ASSERT_TRUE(known);
  EXPECT_EQ(known->plan_json, "the plan");
  EXPECT_EQ(known->put.added, 0);
  EXPECT_EQ(known->put.kept, 3);
  EXPECT_EQ(known->put.finished, 1);
  // As putting it does.
  EXPECT_EQ(restore().trials[1].status, TrialStatus::kQueued);
  EXPECT_EQ(restore().trials[1].reason, "");
}

TEST_P(StoreContract, a_sweep_that_another_one_replaced_is_not_taken_up) {
  ASSERT_TRUE(store().put_sweep({"", "null", "f1", ""}, {new_trial(4, 0)}, kNow));
  ASSERT_TRUE(store().put_sweep({"", "null", "f2", ""}, {new_trial(8, 0)}, kNow));
  EXPECT_FALSE(store().take_up_sweep("f1")->has_value());
  put({new_trial(4, 0)});  // one without a fingerprint
  EXPECT_FALSE(store().take_up_sweep("f2")->has_value());
  EXPECT_FALSE(store().take_up_sweep("")->has_value());
}

TEST_P(StoreContract, all_of_an_attempt_survives) {
  put({new_trial(4, 0)});
  commit({assigned(1, 1), changed(1, TrialStatus::kAssigned)}, kNow);
  commit({record::AttemptStarted{ref(1, 1), 10, 100}, changed(1, TrialStatus::kRunning)},
         kNow + 1000);
  RestoredTrial trial = restore().trials[0];
  EXPECT_EQ(trial.status, TrialStatus::kRunning);
  ASSERT_EQ(trial.attempts.size(), 1u);
  EXPECT_FALSE(trial.attempts[0].end);
  EXPECT_EQ(trial.attempts[0].session, SessionId{77});
  EXPECT_EQ(trial.attempts[0].node, "node-a");
  EXPECT_EQ(trial.attempts[0].slot, SlotIndex{1});
  EXPECT_EQ(trial.attempts[0].queued_wall_ms, kNow - 500);
  EXPECT_EQ(trial.attempts[0].assigned_wall_ms, kNow);
  EXPECT_EQ(trial.attempts[0].started_wall_ms, kNow + 1000);
  EXPECT_EQ(trial.attempts[0].ended_wall_ms, 0);

  const RetryPolicy retry{2, true, 3, 8, "node-a"};
  commit({record::AttemptEnded{ref(1, 1), AttemptEnd::kCrashedAlone, true, "signal 11"},
          changed(1, TrialStatus::kQueued, "", retry)},
         kNow + 2000);
  trial = restore().trials[0];
  EXPECT_EQ(trial.status, TrialStatus::kQueued);
  EXPECT_EQ(trial.retry, retry);
  EXPECT_EQ(trial.attempts[0].end, AttemptEnd::kCrashedAlone);
  EXPECT_TRUE(trial.attempts[0].charged);
  EXPECT_EQ(trial.attempts[0].message, "signal 11");
  EXPECT_EQ(trial.attempts[0].ended_wall_ms, kNow + 2000);

  commit({record::AttemptRevived{ref(1, 1), SessionId{77}}, changed(1, TrialStatus::kRunning)});
  trial = restore().trials[0];
  EXPECT_FALSE(trial.attempts[0].end);
  EXPECT_EQ(trial.attempts[0].ended_wall_ms, 0);
}

TEST_P(StoreContract, the_newest_checkpoint_survives) {
  put({new_trial(4, 0)});
  EXPECT_FALSE(restore().trials[0].resume);
  commit({record::Checkpoint{TrialId{1}, {AttemptNumber{1}, 40, {"checkpoint-40", 9, "aa"}}}});
  commit({record::Checkpoint{TrialId{1}, {AttemptNumber{2}, 60, {"checkpoint-60", 10, "bb"}}}});
  const auto resume = restore().trials[0].resume;
  ASSERT_TRUE(resume);
  EXPECT_EQ(resume->written_by, AttemptNumber{2});
  EXPECT_EQ(resume->step, 60);
  EXPECT_EQ(resume->artifact.name, "checkpoint-60");
  EXPECT_EQ(resume->artifact.size_bytes, 10u);
  EXPECT_EQ(resume->artifact.sha256, "bb");
}

TEST_P(StoreContract, sessions_and_nodes_set_aside_survive) {
  commit({record::Session{SessionId{5}, "a", "host", 1, 10},
          record::Session{SessionId{5}, "a", "host", 1, 11},
          record::NodeSetAside{"bad", "no trainer"}, record::NodeSetAside{"worse", "disk full"}});
  commit({record::NodeSetAside{"bad", ""}, record::Note{std::nullopt, "a note"},
          record::Session{SessionId{-6}, "b", "host", 2, 1}});
  const event::Restored restored = restore();
  ASSERT_EQ(restored.sessions.size(), 2u);
  EXPECT_EQ(restored.sessions[0].session, SessionId{-6});  // ids above 2^63 come out negative
  EXPECT_EQ(restored.sessions[1].acked_sequence, 11u);
  ASSERT_EQ(restored.set_aside.size(), 1u);
  EXPECT_EQ(restored.set_aside[0].node, "worse");
}

TEST_P(StoreContract, a_second_result_is_refused_with_its_whole_batch) {
  put({new_trial(4, 0), new_trial(8, 0)});
  commit(a_finished_trial(1));
  const Status refused = store().commit(
      {assigned(2, 1), changed(2, TrialStatus::kAssigned), record::Result{ref(1, 1), "{}", {}}},
      kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInternal);
  const event::Restored restored = restore();
  EXPECT_EQ(restored.trials[1].status, TrialStatus::kQueued);
  EXPECT_TRUE(restored.trials[1].attempts.empty());
  // The store goes on.
  commit(a_finished_trial(2));
  EXPECT_EQ(restore().trials[1].status, TrialStatus::kFinished);
}

// In the same life: a new one finds the transaction rolled back by SQLite, whatever we did.
TEST_P(StoreContract, the_batch_after_a_refused_one_is_stored_and_brings_nothing_of_it_along) {
  put({new_trial(4, 0), new_trial(8, 0), new_trial(16, 0)});
  commit(a_finished_trial(1));
  ASSERT_FALSE(store().commit(
      {assigned(2, 1), changed(2, TrialStatus::kAssigned), record::Result{ref(1, 1), "{}", {}}},
      kNow));
  commit(a_finished_trial(3));
  const event::Restored restored = restore();
  EXPECT_EQ(restored.trials[2].status, TrialStatus::kFinished);
  EXPECT_EQ(restored.trials[1].status, TrialStatus::kQueued);
  EXPECT_TRUE(restored.trials[1].attempts.empty());
}

TEST_P(StoreContract, records_that_fit_nothing_are_refused_with_their_whole_batch) {
  put({new_trial(4, 0)});
  const std::vector<Record> misfits = {
      changed(9, TrialStatus::kRunning),
      assigned(9, 1),
      record::AttemptStarted{ref(1, 1), 0, 1},
      record::AttemptEnded{ref(1, 1), AttemptEnd::kFinished, false, ""},
      record::AttemptRevived{ref(1, 1), SessionId{1}},
  };
  for (const Record& misfit : misfits) {
    const Status refused =
        store().commit({record::Session{SessionId{1}, "a", "h", 1, 1}, misfit}, kNow);
    ASSERT_FALSE(refused) << misfit.index();
    EXPECT_EQ(refused.error().kind, ErrorKind::kInternal) << refused.error().message;
  }
  EXPECT_TRUE(restore().sessions.empty());
}

TEST_P(StoreContract, an_attempt_number_is_used_once) {
  put({new_trial(4, 0)});
  commit({assigned(1, 1)});
  EXPECT_FALSE(store().commit({assigned(1, 1)}, kNow));
}

TEST_P(StoreContract, a_proposal_is_logged_and_its_trials_join_the_sweep) {
  put({new_trial(4, 0)});
  const ProposalText first{"space", "[0.25]", "{\"rank\": 8}", "at random"};
  auto proposed = store().put_proposal(first, {new_trial(8, 0), new_trial(8, 1)}, kNow);
  ASSERT_TRUE(proposed) << proposed.error().message;
  ASSERT_EQ(proposed->size(), 2u);
  EXPECT_EQ((*proposed)[1].facts.id, TrialId{3});
  EXPECT_EQ((*proposed)[1].facts.round, 1);
  EXPECT_TRUE((*proposed)[1].is_new);
  proposed = store().put_proposal({"space", "[0.5]", "{}", "again"}, {new_trial(4, 0)}, kNow);
  ASSERT_TRUE(proposed);
  EXPECT_EQ((*proposed)[0].facts.id, TrialId{1});
  EXPECT_FALSE((*proposed)[0].is_new);
  EXPECT_EQ(store().trial_text(TrialId{3})->key, trial_key(new_trial(8, 1).trial));
  ASSERT_TRUE(store().put_proposal({"space", "[0.75]", "{}", "too large a rank"}, {}, kNow));
  commit({});

  EXPECT_EQ(restore().trials.size(), 3u);
  const auto log = store().proposals();
  ASSERT_TRUE(log);
  ASSERT_EQ(log->size(), 3u);
  EXPECT_EQ((*log)[0].space, first.space);
  EXPECT_EQ((*log)[0].point_json, first.point_json);
  EXPECT_EQ((*log)[0].values_json, first.values_json);
  EXPECT_EQ((*log)[2].reason, "too large a rank");
}

TEST_P(StoreContract, a_proposal_is_durable_with_the_commit_that_begins_its_trial) {
  put({new_trial(4, 0)});
  ASSERT_TRUE(store().put_proposal({"space", "[0.25]", "{}", ""}, {new_trial(8, 0)}, kNow));
  commit({assigned(2, 1), changed(2, TrialStatus::kAssigned)});
  const event::Restored restored = restore();
  ASSERT_EQ(restored.trials.size(), 2u);
  EXPECT_EQ(restored.trials[1].status, TrialStatus::kAssigned);
  EXPECT_EQ(store().proposals()->size(), 1u);
}

TEST_P(StoreContract, evaluations_are_those_of_the_metric_on_validation) {
  put({new_trial(4, 0), new_trial(8, 0)});
  commit({assigned(1, 1), changed(1, TrialStatus::kRunning)});
  const auto metric = [](std::int64_t step, const char* split, const char* name, double value) {
    return record::Metric{ref(1, 1), {step, split, name, value}};
  };
  commit({metric(20, "validation", "accuracy", 0.75), metric(10, "validation", "accuracy", 0.5),
          metric(10, "train", "accuracy", 0.9), metric(10, "validation", "loss", 2.0),
          metric(30, "validation", "accuracy", std::nan(""))});
  const auto trials = store().evaluations("accuracy");
  ASSERT_TRUE(trials) << trials.error().message;
  ASSERT_EQ(trials->size(), 2u);
  EXPECT_EQ((*trials)[0].status, TrialStatus::kRunning);
  EXPECT_EQ((*trials)[0].values,
            (std::vector<std::pair<std::int64_t, double>>{{10, 0.5}, {20, 0.75}}));
  EXPECT_TRUE((*trials)[1].values.empty());
  commit({record::Result{ref(1, 1), "{\"metrics\": []}", {}}});
  EXPECT_EQ(store().evaluations("accuracy")->at(0).result_json, "{\"metrics\": []}");
}

TEST_P(StoreContract, what_a_run_has_used_up_is_kept) {
  EXPECT_EQ(*store().spent(), Spent{});
  ASSERT_TRUE(store().put_spent({1'000, 2'000}));
  ASSERT_TRUE(store().put_spent({90'000'000'000, 10}));
  EXPECT_EQ(*store().spent(), (Spent{90'000'000'000, 10}));
}

INSTANTIATE_TEST_SUITE_P(
    All, StoreContract,
    ::testing::Values(Kind{"sqlite", [] { return std::make_unique<SqliteWorld>(); }},
                      Kind{"memory", [] { return std::make_unique<MemoryWorld>(); }}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace plateau
