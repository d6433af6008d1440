// What follows from each kind of failure: one function a row of the table in README.md.
#include <algorithm>

#include "coordinator/scheduler/step.h"

namespace plateau {

void Step::on(TrialEntry& entry, const report::Failed& body) {
  switch (body.kind) {
    case FailureKind::kTrainerCrashed:
      return on_crash(entry, body);
    case FailureKind::kOutOfMemory:
      return on_out_of_memory(entry, body);
    case FailureKind::kDiverged:
      return on_diverged(entry, body);
    case FailureKind::kBadConfiguration:
      return on_bad_configuration(entry, body);
    case FailureKind::kNodeFault:
      return on_node_fault(entry, body);
  }
}

void Step::on_crash(TrialEntry& entry, const report::Failed& body) {
  RetryPolicy retry = entry.retry;
  // A trial that had the trainer to itself is to blame, whatever the worker says of a pack: else a
  // worker that counts wrongly would keep the trial going round for ever.
  if (body.pack.size() <= 1 || must_be_alone(entry)) {
    retry.alone = true;
    return charge(entry, AttemptEnd::kCrashedAlone, retry, body.message);
  }
  retry.alone = true;
  end_attempt(entry, AttemptEnd::kCrashedInPack, /*charged=*/false, body.message);
  queue_again(entry, retry);
  note(entry.facts.id, "the trainer crashed with " + std::to_string(body.pack.size()) +
                           " trials in it (" + body.message +
                           "); nobody is blamed, the trial runs alone once");
}

void Step::on_out_of_memory(TrialEntry& entry, const report::Failed& body) {
  SlotEntry& slot = slot_at(*place_of(entry.phase));
  const auto pack =
      static_cast<std::int64_t>(body.pack.empty() ? slot.trials.size() : body.pack.size());
  RetryPolicy retry = entry.retry;
  const std::int64_t micro = retry.micro_batch_size > 0         ? retry.micro_batch_size
                             : entry.facts.micro_batch_size > 0 ? entry.facts.micro_batch_size
                                                                : entry.facts.batch_size;
  std::string what_follows;
  if (pack > 1 && !must_be_alone(entry)) {
    retry.pack_cap = pack / 2;
    slot.pack_limit_now = std::min(slot.pack_limit_now, std::max<std::int64_t>(1, pack / 2));
    what_follows = retry.pack_cap == 1
                       ? "it runs alone next"
                       : "it runs in a pack of at most " + std::to_string(retry.pack_cap) + " next";
  } else if (micro > 1) {
    retry.pack_cap = 1;
    retry.micro_batch_size = (micro + 1) / 2;
    what_follows = "it runs alone next, with a micro-batch of " +
                   std::to_string(retry.micro_batch_size) + " (the batch of a step stays " +
                   std::to_string(entry.facts.batch_size) + ")";
  } else {
    // Alone with one sequence at a time: there is nothing smaller to try but another device.
    retry.avoid_node = entry.attempts.back().node;
    return charge(entry, AttemptEnd::kOutOfMemory, retry, body.message);
  }
  end_attempt(entry, AttemptEnd::kOutOfMemory, /*charged=*/false, body.message);
  queue_again(entry, retry);
  note(entry.facts.id, "out of memory in a pack of " + std::to_string(pack) + " (" + body.message +
                           "); " + what_follows);
}

void Step::on_diverged(TrialEntry& entry, const report::Failed& body) {
  const std::string node = entry.attempts.back().node;
  end_attempt(entry, AttemptEnd::kDiverged, /*charged=*/false, body.message);
  move(entry, phase::Diverged{}, entry.retry);
  state_.nodes[node].faults_in_a_row = 0;
  note(entry.facts.id, "diverged (" + body.message + "): a result, not tried again");
}

void Step::on_bad_configuration(TrialEntry& entry, const report::Failed& body) {
  end_attempt(entry, AttemptEnd::kBadConfiguration, /*charged=*/true, body.message);
  RetryPolicy retry = entry.retry;
  ++retry.charged;
  move(entry, phase::Failed{body.message}, retry);
  note(entry.facts.id, "failed: " + body.message);
}

void Step::on_node_fault(TrialEntry& entry, const report::Failed& body) {
  RetryPolicy retry = entry.retry;
  retry.avoid_node = entry.attempts.back().node;
  const std::int64_t serial = assignment_serial(entry.phase);
  end_attempt(entry, AttemptEnd::kNodeFault, /*charged=*/false, body.message);
  queue_again(entry, retry);
  note(entry.facts.id, "worker " + retry.avoid_node + " could not run the trial (" + body.message +
                           "); it is queued again");
  count_node_fault(retry.avoid_node, serial, body.message);
}

void Step::charge(TrialEntry& entry, AttemptEnd end, RetryPolicy retry,
                  const std::string& message) {
  ++retry.charged;
  end_attempt(entry, end, /*charged=*/true, message);
  if (retry.charged >= options_.charged_max) {
    const std::string reason = std::string(to_string(end)) + " " + std::to_string(retry.charged) +
                               " times; the last time: " + message;
    move(entry, phase::Failed{reason}, retry);
    note(entry.facts.id, "failed: " + reason);
    return;
  }
  queue_again(entry, retry);
  note(entry.facts.id, std::string(to_string(end)) + " (" + message + "); charged " +
                           std::to_string(retry.charged) + " of " +
                           std::to_string(options_.charged_max) + ", it is queued again");
}

// Several attempts that were on the node when it went wrong tell of one fault: only an attempt that
// was assigned after the fault counted last is a second one.
void Step::count_node_fault(const std::string& node, std::int64_t serial,
                            const std::string& message) {
  NodeEntry& entry = state_.nodes[node];
  if (serial <= entry.fault_serial && entry.faults_in_a_row > 0) return;
  ++entry.faults_in_a_row;
  entry.fault_serial = state_.assignments;
  if (entry.faults_in_a_row < options_.node_faults_max || entry.set_aside) return;
  entry.set_aside = message;
  commit(record::NodeSetAside{node, message});
  note(std::nullopt, "worker " + node + " failed " + std::to_string(entry.faults_in_a_row) +
                         " times in a row for its own reasons and is set aside: " + message +
                         ". Mend it and start its worker again");
}

void Step::clear_node_faults(const std::string& node) {
  const auto found = state_.nodes.find(node);
  if (found == state_.nodes.end()) return;
  if (found->second.set_aside) {
    commit(record::NodeSetAside{node, ""});
    note(std::nullopt, "worker " + node + " was started again and gets work again");
  }
  state_.nodes.erase(found);
}

}  // namespace plateau
