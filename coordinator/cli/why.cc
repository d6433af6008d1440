// plateau why RUN TRIAL: the story of a trial out of the run's database.
#include <charconv>
#include <memory>
#include <string>

#include "coordinator/cli/commands.h"
#include "coordinator/cli/run_folder.h"
#include "coordinator/cli/trial_story.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {
namespace {

struct WhyOptions {
  std::string run;
  std::string trial;
  std::filesystem::path runs_dir = "runs";
};

Status tell(const WhyOptions& options, const CommandContext& context) {
  const Result<std::filesystem::path> folder = find_run(options.run, options.runs_dir);
  if (!folder) return folder.error();
  const Result<RunView> run = read_run(*folder);
  if (!run) return run.error();
  const Result<const TrialRow*> trial = find_trial(*run, options.trial);
  if (!trial) return trial.error();

  const Result<TrialPast> past = read_trial_past(*folder, (*trial)->id);
  if (!past) return past.error();
  context.print(
      trial_story(**trial, *past, system_clock().wall_ms(), coordinator_pid(*folder).has_value()));
  return {};
}

}  // namespace

void add_why_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "why", "The story of a trial: where it waited, its attempts, and how each ended");
  auto options = std::make_shared<WhyOptions>();
  command->add_option("RUN", options->run, "Name of the run, or the path of its folder")
      ->required();
  command
      ->add_option("TRIAL", options->trial,
                   "Number of the trial, its label, or the beginning of its key")
      ->required();
  command->add_option("--runs-dir", options->runs_dir, "Where run folders are")
      ->capture_default_str();
  command->callback([options, &context] {
    if (Status told = tell(*options, context); !told) context.fail(told.error());
  });
}

}  // namespace plateau::cli
