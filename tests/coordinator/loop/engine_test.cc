#include "coordinator/loop/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/gateway/bench.h"

namespace plateau {
namespace {

using wire::FromCoordinator;

// A store that writes down when it committed, and can be made to fail.
class WatchedStore : public Store {
 public:
  Result<PutSweep> put_sweep(const SweepText& sweep, const NextTrial& next,
                             TimeMs wall_ms) override {
    return inner_->put_sweep(sweep, next, wall_ms);
  }
  Result<std::optional<KnownSweep>> take_up_sweep(const std::string& fingerprint) override {
    return inner_->take_up_sweep(fingerprint);
  }
  Result<std::vector<ProposedTrial>> put_proposal(const ProposalText& proposal,
                                                  const std::vector<NewTrial>& trials,
                                                  TimeMs wall_ms) override {
    return inner_->put_proposal(proposal, trials, wall_ms);
  }
  Result<std::vector<ProposalText>> proposals() override { return inner_->proposals(); }
  Result<std::vector<EvaluatedTrial>> evaluations(const std::string& metric) override {
    return inner_->evaluations(metric);
  }
  Status commit(const std::vector<Record>& batch, TimeMs wall_ms) override {
    if (on_commit) on_commit();
    if (fails) return io_error("the disk is full");
    return inner_->commit(batch, wall_ms);
  }
  Result<event::Restored> restore(TimeMs wall_ms) override { return inner_->restore(wall_ms); }
  Result<Spent> spent() override { return inner_->spent(); }
  Status put_spent(const Spent& spent) override { return inner_->put_spent(spent); }
  Result<TrialText> trial_text(TrialId trial) override { return inner_->trial_text(trial); }

  std::function<void()> on_commit;
  bool fails = false;

 private:
  std::unique_ptr<Store> inner_ = memory_store();
};

struct Watched {
  Watched() {
    auto owned = std::make_unique<WatchedStore>();
    store = owned.get();
    bench = std::make_unique<Bench>(1, std::move(owned));
  }
  WatchedStore* store = nullptr;
  std::unique_ptr<Bench> bench;
};

// Tried: with perform() before commit() in Engine::round() both of these fail.
TEST(Engine, commits_before_it_speaks) {
  Watched watched;
  int commits = 0;
  watched.store->on_commit = [&] {
    ++commits;
    EXPECT_FALSE(watched.bench->worker().receive()) << "something was said before its commit";
  };
  watched.bench->send(Bench::hello());
  EXPECT_GT(commits, 0);
  EXPECT_EQ(watched.bench->heard().size(), 2u);  // Welcome and Assign.
}

TEST(Engine, says_nothing_when_the_commit_fails) {
  Watched watched;
  watched.store->fails = true;
  const Result<std::string> hello = wire::encode(Bench::hello());
  ASSERT_EQ(watched.bench->worker().send({}, *hello), SendResult::kSent);
  const Result<bool> round = watched.bench->engine().round();
  ASSERT_FALSE(round);
  EXPECT_EQ(round.error().kind, ErrorKind::kIo);
  EXPECT_TRUE(watched.bench->heard().empty());
}

// Tried: with the acknowledgements of a group performed one by one there are 50.
TEST(Engine, reports_that_come_together_share_one_commit_and_one_answer) {
  Watched watched;
  watched.bench->send(Bench::hello());
  watched.bench->heard();
  int commits = 0;
  watched.store->on_commit = [&] { ++commits; };
  wire::FromWorker started = Bench::report(1);
  started.mutable_report()->mutable_started()->set_steps_total(10);
  ASSERT_EQ(watched.bench->worker().send({}, *wire::encode(started)), SendResult::kSent);
  for (std::uint64_t sequence = 2; sequence <= 50; ++sequence) {
    wire::FromWorker metric = Bench::report(sequence);
    metric.mutable_report()->mutable_metric()->set_split("train");
    metric.mutable_report()->mutable_metric()->set_name("loss");
    metric.mutable_report()->mutable_metric()->set_step(static_cast<std::int64_t>(sequence));
    ASSERT_EQ(watched.bench->worker().send({}, *wire::encode(metric)), SendResult::kSent);
  }
  watched.bench->run();
  EXPECT_EQ(commits, 1);
  const std::vector<FromCoordinator> heard = watched.bench->heard();
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard.back().ack().sequence(), 50u);
  EXPECT_EQ(std::count_if(heard.begin(), heard.end(),
                          [](const FromCoordinator& message) { return message.has_ack(); }),
            1);
}

// Else what a decision was based on would depend on how fast the trial stopped, and would be
// another after a crash. Tried: with the observer asked once a round three evaluations are kept.
TEST(Engine, a_trial_that_is_stopped_at_an_evaluation_has_no_later_one) {
  Bench bench;
  int evaluations = 0;
  bench.observe = [&](const std::vector<const Record*>& records) -> std::vector<Event> {
    std::vector<Event> events;
    for (const Record* record : records) {
      if (!std::holds_alternative<record::Metric>(*record)) continue;
      ++evaluations;
      events.emplace_back(event::StopTrial{TrialId{1}, "worse than the others"});
    }
    return events;
  };
  bench.start();
  bench.send(Bench::hello());
  wire::FromWorker started = Bench::report(1);
  started.mutable_report()->mutable_started()->set_steps_total(10);
  ASSERT_EQ(bench.worker().send({}, *wire::encode(started)), SendResult::kSent);
  for (std::uint64_t sequence = 2; sequence <= 4; ++sequence) {
    wire::FromWorker metric = Bench::report(sequence);
    metric.mutable_report()->mutable_metric()->set_split("validation");
    metric.mutable_report()->mutable_metric()->set_name("loss");
    metric.mutable_report()->mutable_metric()->set_step(static_cast<std::int64_t>(sequence));
    ASSERT_EQ(bench.worker().send({}, *wire::encode(metric)), SendResult::kSent);
  }
  bench.run();
  EXPECT_EQ(evaluations, 1);
  EXPECT_EQ(bench.scheduler().counts().stopped, 1);
}

TEST(Engine, a_report_that_comes_twice_changes_nothing_the_second_time) {
  Bench bench;
  bench.send(Bench::hello());
  bench.send(Bench::chunk("m", "x"));
  bench.send(Bench::finished(1, "m", "x"));
  EXPECT_EQ(bench.scheduler().counts().finished, 1);
  bench.heard();
  bench.send(Bench::finished(1, "m", "x"));
  EXPECT_EQ(bench.scheduler().counts().finished, 1);
  const std::vector<FromCoordinator> heard = bench.heard();
  ASSERT_EQ(heard.size(), 1u);
  EXPECT_EQ(heard[0].ack().sequence(), 1u);
}

TEST(Engine, the_next_life_goes_on_where_the_last_one_stopped) {
  Bench bench(2);
  bench.send(Bench::hello());
  bench.send(Bench::chunk("m", "x"));
  bench.start();  // Killed after the artifact, before the result.
  wire::FromWorker hello = Bench::hello();
  set_attempt(ref(1, 1), hello.mutable_hello()->add_held());
  bench.heard();
  bench.send(hello);
  std::vector<FromCoordinator> heard = bench.heard();
  ASSERT_FALSE(heard.empty());
  ASSERT_TRUE(heard[0].has_welcome());
  ASSERT_EQ(heard[0].welcome().keep_size(), 1);
  EXPECT_EQ(heard[0].welcome().coordinator_run(), 2u);
  bench.send(Bench::finished(1, "m", "x"));
  EXPECT_EQ(bench.scheduler().counts().finished, 1);
}

TEST(Engine, tells_when_the_run_has_ended) {
  Bench bench;
  bench.send(Bench::hello());
  bench.send(Bench::chunk("m", "x"));
  EXPECT_FALSE(bench.engine().take_end());
  bench.send(Bench::finished(1, "m", "x"));
  const std::optional<action::RunEnded> ended = bench.engine().take_end();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->how, action::RunEnded::How::kComplete);
  EXPECT_FALSE(bench.engine().take_end());
  const std::vector<FromCoordinator> heard = bench.heard();
  EXPECT_TRUE(std::any_of(heard.begin(), heard.end(),
                          [](const FromCoordinator& message) { return message.has_stop(); }));
}

}  // namespace
}  // namespace plateau
