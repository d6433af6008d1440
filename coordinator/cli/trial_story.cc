#include "coordinator/cli/trial_story.h"

#include "common/base/clock.h"
#include "common/base/text.h"

namespace plateau::cli {
namespace {

constexpr std::size_t kMinKeyDigits = 4;

std::string attempt_line(const PastAttempt& attempt, TimeMs now_wall_ms) {
  std::string line = "  attempt " + std::to_string(attempt.attempt.value) + " on " + attempt.node +
                     ", slot " + std::to_string(attempt.slot.value) + ": ";
  if (attempt.queued_wall_ms > 0 && attempt.assigned_wall_ms > 0) {
    line += "waited " + format_duration(attempt.assigned_wall_ms - attempt.queued_wall_ms) + ", ";
  }
  if (attempt.started_wall_ms == 0) {
    line += "sent " + format_utc(attempt.assigned_wall_ms) + ", never began";
  } else {
    line += "began " + format_utc(attempt.started_wall_ms);
  }
  if (!attempt.end) {
    return line + ", goes on since " +
           format_duration(now_wall_ms - (attempt.started_wall_ms > 0 ? attempt.started_wall_ms
                                                                      : attempt.assigned_wall_ms)) +
           "\n";
  }
  line += ", ended " + format_utc(attempt.ended_wall_ms) + ": " + to_string(*attempt.end);
  if (attempt.charged) line += " (counted against the trial)";
  if (!attempt.message.empty()) line += ". " + attempt.message;
  return line + "\n";
}

std::string retry_text(const RetryPolicy& retry) {
  std::string text;
  if (retry.charged > 0) {
    text += "  " + std::to_string(retry.charged) + " attempts count against it.\n";
  }
  if (retry.alone) text += "  It runs alone from now on, since a pack with it failed.\n";
  if (retry.micro_batch_size > 0) {
    text += "  Its micro-batch is " + std::to_string(retry.micro_batch_size) +
            " after running out of memory; the effective batch is the same.\n";
  }
  if (!retry.avoid_node.empty()) {
    text += "  It goes to another node than " + retry.avoid_node + " if there is one.\n";
  }
  return text;
}

}  // namespace

Result<const TrialRow*> find_trial(const RunView& run, const std::string& wanted) {
  std::vector<const TrialRow*> found;
  std::vector<std::string> labels;
  for (const TrialRow& trial : run.trials) {
    if (std::to_string(trial.id.value) == wanted) return &trial;
    labels.push_back(trial.label);
    const bool by_key = wanted.size() >= kMinKeyDigits && trial.key.starts_with(wanted);
    const bool by_folder = trial.folder == wanted || trial.folder == "trials/" + wanted;
    if (by_key || by_folder || trial.label == wanted) found.push_back(&trial);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    std::string message = "The run " + run.name + " has no trial '" + wanted + "'.";
    if (const auto near = nearest(wanted, labels)) message += " Did you mean '" + *near + "'?";
    return not_found(message + " Its trials are numbered from 1 to " +
                     std::to_string(run.trials.size()) + "; plateau status lists them.");
  }
  std::vector<std::string> numbers;
  for (const TrialRow* trial : found)
    numbers.push_back(std::to_string(trial->id.value));
  return invalid_argument("Several trials are called '" + wanted + "': give one of the numbers " +
                          join(numbers, ", ") + ".");
}

std::string trial_story(const TrialRow& trial, const RestoredTrial& past,
                        const std::vector<SetAsideNode>& set_aside, TimeMs now_wall_ms) {
  std::string text = "Trial " + std::to_string(trial.id.value) + ", " + trial.label + ", is " +
                     to_string(past.status) + ".";
  if (!past.reason.empty()) text += " " + past.reason;
  text += "\n  key " + trial.key + ", folder " + trial.folder + "\n";
  if (!trial.reused_from.empty()) {
    text += "  Its result is that of " + trial.reused_from +
            ", with the same key; --reuse asked for it. The attempts are those of that run.\n";
  }
  text += retry_text(past.retry);
  if (past.attempts.empty()) text += "  It was never sent to a worker.\n";
  for (const PastAttempt& attempt : past.attempts)
    text += attempt_line(attempt, now_wall_ms);
  if (past.status == TrialStatus::kQueued && past.resume) {
    text += "  The next attempt goes on from step " + std::to_string(past.resume->step) + ".\n";
  }
  for (const SetAsideNode& node : set_aside) {
    text += "  Node " + node.node + " is set aside: " + node.reason + "\n";
  }
  return text;
}

}  // namespace plateau::cli
