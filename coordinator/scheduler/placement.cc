// Which trial goes where: the seed round first, then the base that is loaded, then the longest.
#include <algorithm>
#include <limits>
#include <tuple>

#include "common/base/check.h"
#include "coordinator/scheduler/step.h"

namespace plateau {

bool Step::usable(const WorkerEntry& worker) const {
  if (!worker.introduced || worker.draining_until_ms > now_ms_) return false;
  const auto node = state_.nodes.find(worker.name);
  return node == state_.nodes.end() || !node->second.set_aside;
}

std::vector<std::string> Step::usable_nodes() const {
  std::vector<std::string> names;
  for (const auto& [session, worker] : state_.workers) {
    if (usable(worker)) names.push_back(worker.name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// The emptiest slot first: two trials on two devices end sooner than in one pack.
void Step::fill_free_places(bool avoid) {
  if (state_.queue.empty()) return;
  if (avoid && usable_nodes().size() < 2) return;
  std::set<std::tuple<std::size_t, SessionId, SlotIndex>> free;
  for (const auto& [session, worker] : state_.workers) {
    if (!usable(worker)) continue;
    for (const auto& [index, slot] : worker.slots) {
      if (static_cast<std::int64_t>(slot.trials.size()) < slot.pack_limit_now) {
        free.emplace(slot.trials.size(), session, index);
      }
    }
  }
  while (!free.empty() && !state_.queue.empty()) {
    const auto [size, session, index] = *free.begin();
    free.erase(free.begin());
    WorkerEntry& worker = state_.workers.at(session);
    SlotEntry& slot = worker.slots.at(index);
    TrialEntry* entry = pick(worker, slot, avoid);
    if (entry == nullptr) continue;
    assign(*entry, session, slot);
    if (static_cast<std::int64_t>(slot.trials.size()) < slot.pack_limit_now) {
      free.emplace(slot.trials.size(), session, index);
    }
  }
}

// A slot in use takes only trials of the earliest round that it could serve at all: else a pack of
// one base would be refilled with later seeds for ever while another base, or a trial that must be
// alone, waits for its first.
TrialEntry* Step::pick(const WorkerEntry& worker, const SlotEntry& slot, bool avoid) {
  using Rank = std::tuple<std::int64_t, bool, DurationMs, TrialId>;
  std::optional<Rank> best;
  std::int64_t earliest_round = std::numeric_limits<std::int64_t>::max();
  for (const auto& [bucket, trials] : state_.queue) {
    if (avoid && bucket.avoid_node == worker.name) continue;
    const QueueKey& head = *trials.begin();
    earliest_round = std::min(earliest_round, head.round);
    if (!may_join(state_, slot, bucket)) continue;
    const Rank rank{head.round, bucket.group != slot.loaded_group, head.minus_expected_ms,
                    head.trial};
    if (!best || rank < *best) best = rank;
  }
  if (!best || std::get<0>(*best) > earliest_round) return nullptr;
  return find(std::get<3>(*best));
}

void Step::assign(TrialEntry& entry, SessionId session, SlotEntry& slot) {
  const auto* queued = std::get_if<phase::Queued>(&entry.phase);
  PLATEAU_CHECK(queued != nullptr, "only a queued trial is assigned");
  if (slot.loaded_group != entry.facts.group) {
    slot.loaded_group = entry.facts.group;
    slot.pack_limit_now = slot.facts.pack_limit;
  }
  AttemptStory story;
  story.attempt = AttemptNumber{static_cast<std::int64_t>(entry.attempts.size()) + 1};
  story.session = session;
  story.node = state_.workers.at(session).name;
  story.slot = slot.facts.index;
  story.queued_ms = queued->since_ms;
  story.assigned_ms = now_ms_;
  entry.attempts.push_back(std::move(story));

  commit(record::AttemptAssigned{current_attempt(entry), session, entry.attempts.back().node,
                                 slot.facts.index, now_ms_ - entry.attempts.back().queued_ms,
                                 must_be_alone(entry), entry.retry.micro_batch_size});
  move(entry, phase::Assigned{session, slot.facts.index, now_ms_, now_ms_, ++state_.assignments},
       entry.retry);
  send_assign(entry, session, slot.facts.index);
}

void Step::send_assign(const TrialEntry& entry, SessionId session, SlotIndex slot) {
  say(action::Assign{session, current_attempt(entry), slot, must_be_alone(entry),
                     entry.retry.micro_batch_size,
                     entry.resume ? std::optional(*entry.resume) : std::nullopt});
}

void Step::end_run_if_done() {
  if (state_.ended) return;
  const bool nothing_runs = counts_.assigned + counts_.running == 0;
  const bool all_ended = counts_.total() > 0 && counts_.ended() == counts_.total();
  if (all_ended && !state_.more_expected) {
    const std::string message = "every trial of the sweep has ended";
    if (!state_.stopping) {
      for (const auto& [session, worker] : state_.workers) {
        if (worker.introduced) say(action::StopWorker{session, message, /*drain=*/true});
      }
    }
    say(action::RunEnded{action::RunEnded::How::kComplete, message});
    state_.ended = true;
  } else if (state_.stopping && nothing_runs) {
    say(action::RunEnded{
        action::RunEnded::How::kStopped,
        std::to_string(counts_.queued) + " trials are left; the same command goes on with them"});
    state_.ended = true;
  } else if (nothing_runs && (counts_.queued > 0 || state_.more_expected) &&
             usable_nodes().empty()) {
    std::string reasons;
    bool any_in_touch = false;
    for (const auto& [session, worker] : state_.workers) {
      if (!worker.introduced) return;  // it may yet come, and its node may be sound
      any_in_touch = true;
      const auto node = state_.nodes.find(worker.name);
      if (node == state_.nodes.end() || !node->second.set_aside) return;  // it drains, and ends
      reasons += (reasons.empty() ? "" : "; ") + worker.name + ": " + *node->second.set_aside;
    }
    if (!any_in_touch) return;
    say(action::RunEnded{action::RunEnded::How::kStalled,
                         std::to_string(counts_.queued) +
                             " trials are left, and every worker is set aside (" + reasons +
                             "). Mend the cause and run the same command again"});
    state_.ended = true;
  }
}

}  // namespace plateau
