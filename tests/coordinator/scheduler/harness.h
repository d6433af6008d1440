// The scheduler in a test: trials and workers in a line each, what was said taken off a list, and
// at the end of every test the proof that nothing else was said. No sleeping: time is a number.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "coordinator/scheduler/invariants.h"
#include "coordinator/scheduler/scheduler.h"

namespace plateau {

struct TrialBuilder {
  TrialFacts facts;
  explicit TrialBuilder(std::int64_t id) {
    facts.id = TrialId{id};
    facts.group = "base/float32";
    facts.batch_size = 16;
  }
  TrialBuilder& round(std::int64_t n) { return facts.round = n, *this; }
  TrialBuilder& group(std::string name) { return facts.group = std::move(name), *this; }
  TrialBuilder& expected(DurationMs ms) { return facts.expected_ms = ms, *this; }
  TrialBuilder& alone() { return facts.alone = true, *this; }
  TrialBuilder& batch(std::int64_t n) { return facts.batch_size = n, *this; }
};

inline AttemptRef ref(std::int64_t trial, std::int64_t attempt) {
  return {TrialId{trial}, AttemptNumber{attempt}};
}

class SchedulerTest : public ::testing::Test {
 protected:
  explicit SchedulerTest(SchedulerOptions options = {}) : scheduler_(options) {}

  void TearDown() override { expect_nothing_else(); }

  // ---- what happens ----

  void happen(const Event& event) {
    for (Action& action : scheduler_.apply(event, now_ms_)) {
      if (auto* commit = std::get_if<action::Commit>(&action)) {
        records_.push_back(std::move(commit->record));
      } else {
        said_.push_back(std::move(action));
      }
    }
    const auto broken = broken_invariant(scheduler_);
    ASSERT_FALSE(broken) << *broken;
    const auto history = history_.check(scheduler_);
    ASSERT_FALSE(history) << *history;
  }
  void advance(DurationMs by_ms) {
    while (by_ms > 0) {
      const DurationMs step_ms = std::min(by_ms, event::kTickMaxMs);
      now_ms_ += step_ms;
      by_ms -= step_ms;
      happen(event::Tick{});
    }
  }
  void submit(const std::vector<TrialBuilder>& trials) {
    event::TrialsSubmitted event;
    for (const TrialBuilder& each : trials)
      event.trials.push_back(each.facts);
    happen(event);
  }
  // n trials of one cell size, equal in all that matters.
  void submit_equal(std::int64_t n) {
    std::vector<TrialBuilder> trials;
    for (std::int64_t i = 1; i <= n; ++i)
      trials.emplace_back(i);
    submit(trials);
  }

  // A worker says Hello; its Welcome is taken off the list. One slot per pack limit.
  SessionId worker(std::int64_t session, const std::string& name, std::vector<int> pack_limits,
                   std::vector<AttemptRef> held = {}) {
    happen(hello(session, name, std::move(pack_limits), std::move(held)));
    last_welcome_ = take<action::Welcome>();
    EXPECT_EQ(last_welcome_.session, SessionId{session});
    return SessionId{session};
  }
  event::Hello hello(std::int64_t session, const std::string& name, std::vector<int> pack_limits,
                     std::vector<AttemptRef> held = {}) {
    event::Hello event;
    event.session = SessionId{session};
    event.worker_name = name;
    event.host = name;
    event.pid = 1000 + session;
    for (std::size_t i = 0; i < pack_limits.size(); ++i) {
      SlotFacts slot;
      slot.index = SlotIndex{static_cast<std::int64_t>(i)};
      slot.pack_limit = pack_limits[i];
      event.slots.push_back(slot);
    }
    event.held = std::move(held);
    event.first_sequence = 1;
    event.number = ++hellos_;
    return event;
  }
  void heartbeat(SessionId session, std::vector<AttemptRef> running) {
    happen(event::Heartbeat{session, std::move(running)});
    EXPECT_EQ(take<action::HeartbeatReply>().session, session);
  }

  // A report with the session's next sequence; its acknowledgement is taken off the list.
  template <typename Body>
  void report(SessionId session, AttemptRef attempt, Body body) {
    const std::uint64_t sequence = ++sequences_[session];
    happen(event::Report{session, sequence, attempt, std::move(body)});
    const action::Ack ack = take<action::Ack>();
    EXPECT_EQ(ack.session, session);
    EXPECT_EQ(ack.sequence, sequence);
  }
  void start(SessionId session, AttemptRef attempt) {
    report(session, attempt, report::Started{SlotIndex{0}, 0, 100});
  }
  void finish(SessionId session, AttemptRef attempt) {
    report(session, attempt, report::Finished{"{}", {}});
  }
  void fail(SessionId session, AttemptRef attempt, FailureKind kind,
            std::vector<std::int64_t> pack = {}) {
    report::Failed failed{kind, "because", {}};
    for (const std::int64_t id : pack)
      failed.pack.push_back(TrialId{id});
    report(session, attempt, std::move(failed));
  }

  // ---- what was said ----

  // The oldest action of this kind; the test fails when there is none.
  template <typename A>
  A take() {
    for (auto it = said_.begin(); it != said_.end(); ++it) {
      if (auto* action = std::get_if<A>(&*it)) {
        A taken = std::move(*action);
        said_.erase(it);
        return taken;
      }
    }
    ADD_FAILURE() << "nothing of this kind was said: " << typeid(A).name();
    return {};
  }
  // The assignments, in any order, are exactly these, all to this session.
  void expect_assigned(SessionId session, std::vector<AttemptRef> attempts) {
    std::vector<AttemptRef> assigned;
    for (auto it = said_.begin(); it != said_.end();) {
      const auto* assign = std::get_if<action::Assign>(&*it);
      if (assign == nullptr || assign->session != session) {
        ++it;
        continue;
      }
      assigned.push_back(assign->attempt);
      it = said_.erase(it);
    }
    std::sort(assigned.begin(), assigned.end());
    std::sort(attempts.begin(), attempts.end());
    EXPECT_EQ(assigned, attempts);
  }
  // The same in this order.
  void expect_assigned_in_order(SessionId session, const std::vector<AttemptRef>& attempts) {
    for (const AttemptRef& each : attempts) {
      const auto assign = take<action::Assign>();
      EXPECT_EQ(assign.session, session);
      EXPECT_EQ(assign.attempt, each);
    }
  }
  void expect_nothing_else() {
    EXPECT_TRUE(said_.empty()) << said_.size() << " more actions, the first of kind "
                               << said_.front().index();
    said_.clear();
  }
  action::RunEnded expect_run_ended(action::RunEnded::How how) {
    while (!said_.empty() && std::holds_alternative<action::StopWorker>(said_.front())) {
      said_.pop_front();
    }
    auto ended = take<action::RunEnded>();
    EXPECT_EQ(ended.how, how);
    return ended;
  }

  // Records of this kind since the last call, oldest first.
  template <typename R>
  std::vector<R> records() {
    std::vector<R> found;
    for (const Record& record : records_) {
      if (const auto* each = std::get_if<R>(&record)) found.push_back(*each);
    }
    records_.clear();
    return found;
  }

  TrialStatus status(std::int64_t trial) {
    return status_of(scheduler_.find(TrialId{trial})->phase);
  }
  const RetryPolicy& retry(std::int64_t trial) { return scheduler_.find(TrialId{trial})->retry; }
  std::string now_of(std::int64_t trial) { return scheduler_.why(TrialId{trial}, now_ms_).now; }

  Scheduler scheduler_;
  HistoryChecker history_;
  TimeMs now_ms_ = 1'000;
  std::deque<Action> said_;
  std::vector<Record> records_;
  std::map<SessionId, std::uint64_t> sequences_;
  std::uint64_t hellos_ = 0;
  action::Welcome last_welcome_;
};

}  // namespace plateau
