#include "coordinator/cli/run_summary.h"

#include <map>

#include "common/base/text.h"

namespace plateau::cli {
namespace {

constexpr std::size_t kLabelsShown = 5;

std::string plural(std::int64_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

void count(TrialState state, std::int64_t number, RunCounts& counts) {
  counts.total += number;
  switch (state) {
    case TrialState::kQueued:
      counts.queued += number;
      break;
    case TrialState::kRunning:
      counts.running += number;
      break;
    case TrialState::kFinished:
      counts.finished += number;
      break;
    case TrialState::kDiverged:
      counts.diverged += number;
      break;
    case TrialState::kFailed:
      counts.failed += number;
      break;
    case TrialState::kStopped:
      counts.stopped += number;
      break;
  }
}

// Of rows with `state`, `label` and `reason`.
std::string text_of_failures(const auto& trials) {
  std::map<std::string, std::vector<std::string>> labels_of;
  std::int64_t failed = 0;
  for (const auto& trial : trials) {
    if (trial.state != TrialState::kFailed) continue;
    ++failed;
    labels_of[trial.reason].push_back(trial.label);
  }
  if (failed == 0) return "";
  if (labels_of.size() == 1 && failed > 1) {
    return plural(failed, "trial") +
           " failed, all for the same reason: " + labels_of.begin()->first + "\n";
  }
  std::string text = plural(failed, "trial") + " failed:\n";
  for (auto& [reason, labels] : labels_of) {
    const std::size_t hidden = labels.size() > kLabelsShown ? labels.size() - kLabelsShown : 0;
    labels.resize(labels.size() - hidden);
    text += "  " + join(labels, ", ");
    if (hidden > 0) text += " and " + std::to_string(hidden) + " more";
    text += ": " + reason + "\n";
  }
  return text;
}

}  // namespace

RunCounts count_trials(const RunView& run) {
  RunCounts counts;
  for (const TrialRow& trial : run.trials)
    count(trial.state, 1, counts);
  return counts;
}

RunCounts count_trials(const RunStatus& run) {
  RunCounts counts;
  for (const auto& [state, number] : run.counts)
    count(state, number, counts);
  return counts;
}

std::string failures_text(const RunView& run) {
  return text_of_failures(run.trials);
}

std::string failures_text(const RunStatus& run) {
  return text_of_failures(run.running_and_failed);
}

nlohmann::json summary_json(const RunView& run, const std::filesystem::path& run_folder,
                            const std::vector<std::filesystem::path>& results, bool interrupted) {
  const RunCounts counts = count_trials(run);
  nlohmann::json failed = nlohmann::json::array();
  for (const TrialRow& trial : run.trials) {
    if (trial.state != TrialState::kFailed) continue;
    failed.push_back({{"trial", trial.id.value}, {"label", trial.label}, {"reason", trial.reason}});
  }
  nlohmann::json paths = nlohmann::json::array();
  for (const std::filesystem::path& path : results)
    paths.push_back(path.string());
  return {{"run", run_folder.string()},
          {"name", run.name},
          {"counts",
           {{"queued", counts.queued},
            {"running", counts.running},
            {"finished", counts.finished},
            {"diverged", counts.diverged},
            {"failed", counts.failed},
            {"stopped", counts.stopped},
            {"total", counts.total}}},
          {"failed", failed},
          {"results", paths},
          {"interrupted", interrupted}};
}

}  // namespace plateau::cli
