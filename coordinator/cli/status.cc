// plateau status RUN: how far a run is, out of its database; a coordinator may be writing to it.
#include <memory>
#include <string>

#include "common/base/text.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/run_folder.h"
#include "coordinator/cli/run_summary.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {
namespace {

struct StatusOptions {
  std::string run;
  std::filesystem::path runs_dir = "runs";
  bool json = false;
};

std::string status_text(const RunStatus& run, const std::filesystem::path& folder,
                        const std::optional<int>& coordinator) {
  const RunCounts counts = count_trials(run);
  std::string text = "Run " + run.name + " in " + folder.string() + "\n";
  text += coordinator
              ? "A coordinator works on it (process " + std::to_string(*coordinator) + ").\n"
              : "No coordinator works on it now.\n";
  text += std::to_string(counts.total) + " trials: " + std::to_string(counts.finished) +
          " finished, " + std::to_string(counts.running) + " running, " +
          std::to_string(counts.queued) + " queued, " + std::to_string(counts.failed) + " failed";
  if (counts.diverged > 0) text += ", " + std::to_string(counts.diverged) + " diverged";
  if (counts.stopped > 0) text += ", " + std::to_string(counts.stopped) + " stopped early";
  text += "\n";
  for (const RunStatus::Trial& trial : run.running_and_failed) {
    if (trial.state != TrialState::kRunning) continue;
    text += "  running: " + trial.label + " (trial " + std::to_string(trial.id.value) +
            ", attempt " + std::to_string(trial.attempts) + ")\n";
  }
  return text + failures_text(run);
}

nlohmann::json status_json(const RunView& run, const std::filesystem::path& folder,
                           const std::optional<int>& coordinator) {
  nlohmann::json json = summary_json(run, folder, {}, false);
  json.erase("results");
  json.erase("interrupted");
  json["coordinator_pid"] = coordinator ? nlohmann::json(*coordinator) : nlohmann::json(nullptr);
  nlohmann::json trials = nlohmann::json::array();
  for (const TrialRow& trial : run.trials) {
    trials.push_back({{"trial", trial.id.value},
                      {"label", trial.label},
                      {"key", trial.key},
                      {"state", to_string(trial.state)},
                      {"attempts", trial.attempts},
                      {"folder", trial.folder}});
  }
  json["trials"] = std::move(trials);
  return json;
}

Status show(const StatusOptions& options, const CommandContext& context) {
  const Result<std::filesystem::path> folder = find_run(options.run, options.runs_dir);
  if (!folder) return folder.error();
  const std::optional<int> coordinator = coordinator_pid(*folder);
  if (options.json) {
    const Result<RunView> run = read_run(*folder);
    if (!run) return run.error();
    context.print(status_json(*run, *folder, coordinator).dump(2) + "\n");
    return {};
  }
  const Result<RunStatus> run = read_status(*folder);
  if (!run) return run.error();
  context.print(status_text(*run, *folder, coordinator));
  return {};
}

}  // namespace

void add_status_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("status", "How far a run is, running or not");
  auto options = std::make_shared<StatusOptions>();
  command->add_option("RUN", options->run, "Name of the run, or the path of its folder")
      ->required();
  command->add_option("--runs-dir", options->runs_dir, "Where run folders are")
      ->capture_default_str();
  command->add_flag("--json", options->json, "As JSON, with every trial");
  command->callback([options, &context] {
    if (Status shown = show(*options, context); !shown) context.fail(shown.error());
  });
}

}  // namespace plateau::cli
