#include "coordinator/cli/trial_story.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/text.h"

namespace plateau::cli {
namespace {

constexpr std::size_t kMinKeyDigits = 4;

// Shorter waits are how long things take.
constexpr DurationMs kWorthTellingMs = 1'000;

std::string count_of(std::int64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// What happened in the same millisecond, in this order: an end, what is said of it, what follows.
enum class Moment { kQueued, kEnd, kNote, kRunNote, kSent, kBegin };

// What happened when; put in order at the end.
class Timeline {
 public:
  void add(TimeMs wall_ms, Moment moment, std::string text) {
    lines_.push_back({wall_ms, moment, std::move(text)});
  }

  std::string text() {
    std::stable_sort(lines_.begin(), lines_.end(), [](const Line& a, const Line& b) {
      return std::pair(a.wall_ms, a.moment) < std::pair(b.wall_ms, b.moment);
    });
    std::string all;
    for (const Line& line : lines_)
      all += "  " + format_utc(line.wall_ms) + "  " + line.text + "\n";
    return all;
  }

 private:
  struct Line {
    TimeMs wall_ms = 0;
    Moment moment = Moment::kNote;
    std::string text;
  };
  std::vector<Line> lines_;
};

std::string wait_text(const TrialPast::Attempt& attempt) {
  const DurationMs waited_ms = attempt.facts.assigned_wall_ms - attempt.facts.queued_wall_ms;
  if (attempt.facts.queued_wall_ms == 0 || waited_ms < kWorthTellingMs) return "";
  std::string text = ", after it waited " + format_duration(waited_ms);
  if (attempt.ran_already + attempt.begun_meanwhile == 0) {
    return text + " with nothing else running: no worker took trials";
  }
  return text + " while " + count_of(attempt.ran_already, "other trial") + " ran and " +
         std::to_string(attempt.begun_meanwhile) + " more began";
}

void tell(const TrialPast::Attempt& attempt, Timeline& timeline) {
  const PastAttempt& facts = attempt.facts;
  const std::string name = "attempt " + std::to_string(facts.attempt.value);
  std::string sent = name + " goes to " + facts.node + ", slot " + std::to_string(facts.slot.value);
  if (attempt.alone) sent += ", alone in its trainer";
  if (attempt.micro_batch_size > 0) {
    sent += ", with a micro-batch of " + std::to_string(attempt.micro_batch_size);
  }
  timeline.add(facts.assigned_wall_ms, Moment::kSent, sent + wait_text(attempt));
  if (facts.started_wall_ms > 0) {
    timeline.add(facts.started_wall_ms, Moment::kBegin,
                 name + (attempt.start_step > 0 ? " goes on from the checkpoint of step " +
                                                      std::to_string(attempt.start_step)
                                                : " begins"));
  }
  if (!facts.end) return;
  std::string ended = name + " ends" + (facts.started_wall_ms > 0 ? "" : ", never begun") + ": " +
                      to_string(*facts.end);
  if (facts.charged) ended += " (counted against the trial)";
  if (!facts.message.empty()) ended += ". " + facts.message;
  timeline.add(facts.ended_wall_ms, Moment::kEnd, ended);
}

// Where it is now.
std::string present(const TrialPast& past, TimeMs now_wall_ms, bool coordinator) {
  std::string text;
  if (past.status == TrialStatus::kQueued) {
    text = "  It waits" +
           (past.queued_ms > 0 ? " since " + format_duration(now_wall_ms - past.queued_ms) : "") +
           ": " + count_of(past.queued_before, "queued trial") + " before it, " +
           std::to_string(past.running_now) + " running.\n";
    if (past.resume) {
      text += "  The next attempt goes on from step " + std::to_string(past.resume->step) + ".\n";
    }
    for (const SetAsideNode& node : past.set_aside)
      text += "  Node " + node.node + " is set aside: " + node.reason + "\n";
  } else if (!past.attempts.empty() && !past.attempts.back().facts.end) {
    const PastAttempt& last = past.attempts.back().facts;
    const bool begun = last.started_wall_ms > 0;
    text = "  Attempt " + std::to_string(last.attempt.value) + " on " + last.node +
           (begun ? " goes on since " : " was sent and has not begun since ") +
           format_duration(now_wall_ms - (begun ? last.started_wall_ms : last.assigned_wall_ms)) +
           (past.resume ? "; its newest checkpoint is of step " + std::to_string(past.resume->step)
                        : "") +
           ".\n";
  } else {
    return "";
  }
  if (!coordinator) {
    text += "  No coordinator works on the run now: the command that began it goes on with it.\n";
  }
  return text;
}

std::string retry_text(const RetryPolicy& retry) {
  std::string text;
  if (retry.charged > 0) {
    text += "  " + count_of(retry.charged, "attempt") +
            (retry.charged == 1 ? " counts" : " count") + " against it; three end it.\n";
  }
  if (retry.alone) text += "  It runs alone from now on, since a pack with it failed.\n";
  if (retry.pack_cap > 0) {
    text += "  It runs in packs of at most " + std::to_string(retry.pack_cap) +
            ", since a larger one ran out of memory.\n";
  }
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

std::string trial_story(const TrialRow& trial, const TrialPast& past, TimeMs now_wall_ms,
                        bool coordinator) {
  std::string text = "Trial " + std::to_string(trial.id.value) + ", " + trial.label + ", is " +
                     to_string(past.status) + ".";
  if (!past.reason.empty()) text += " " + past.reason;
  text += "\n  key " + trial.key + ", folder " + trial.folder + "\n";
  if (!trial.reused_from.empty()) {
    text += "  Its result is that of " + trial.reused_from +
            ", with the same key; --reuse asked for it. The attempts are those of that run.\n";
  }
  Timeline timeline;
  if (!past.attempts.empty() && past.attempts.front().facts.queued_wall_ms > 0) {
    timeline.add(past.attempts.front().facts.queued_wall_ms, Moment::kQueued, "it is queued");
  }
  for (const TrialPast::Note& note : past.notes) {
    const std::string said = note.of_run ? "(the run: " + note.text + ")" : note.text;
    timeline.add(note.wall_ms, note.of_run ? Moment::kRunNote : Moment::kNote, said);
  }
  for (const TrialPast::Attempt& attempt : past.attempts)
    tell(attempt, timeline);
  text += timeline.text();
  if (past.attempts.empty()) text += "  It was never sent to a worker.\n";
  text += present(past, now_wall_ms, coordinator);
  if (past.status == TrialStatus::kQueued) text += retry_text(past.retry);
  return text;
}

}  // namespace plateau::cli
