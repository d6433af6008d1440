// plateau export RUN TRIAL: a trained adapter for another library. The trainer does the work.
#include <cstdio>
#include <memory>

#include "common/catalogue/catalogue.h"
#include "common/spec/task_kinds.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/programs.h"
#include "coordinator/cli/run_folder.h"
#include "coordinator/cli/trial_story.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {
namespace {

namespace fs = std::filesystem;

struct ExportOptions {
  std::string run;
  std::string trial;
  std::string format = "peft";
  fs::path out;
  fs::path runs_dir = "runs";
  std::string catalogue;
  fs::path trainer;
};

// The folder of the trial's adapter. kNotFound says why there is none.
Result<fs::path> adapter_of(const fs::path& run_folder, const TrialRow& trial) {
  const fs::path folder = run_folder / trial.folder / "adapter";
  std::error_code error;
  if (fs::exists(folder / "adapter_config.json", error)) return folder;
  const std::string name = "Trial " + std::to_string(trial.id.value) + ", " + trial.label + ",";
  if (trial.is_baseline) return not_found(name + " is a baseline: it trains no adapter.");
  if (trial.state != TrialState::kFinished) {
    return not_found(name + " is " + to_string(trial.state) +
                     " and has no adapter yet. Finish the run first: the command that started it "
                     "goes on where it stopped.");
  }
  return not_found(name + " has finished, but " + folder.string() +
                   " is gone. Only a copy of the run folder can bring it back.");
}

// The trial's base on this machine, fetched if it is not here.
Result<BaseSpec> local_base_of(const TrialRow& trial, const std::string& catalogue_file) {
  const Result<Catalogue> catalogue = Catalogue::load(catalogue_file);
  if (!catalogue) return catalogue.error();
  return with_local_path(
      *trial.trial.base, *catalogue, cache_folder(),
      [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); });
}

Status become_export(const ExportOptions& options) {
  const Result<fs::path> folder = find_run(options.run, options.runs_dir);
  if (!folder) return folder.error();
  const Result<RunView> run = read_run(*folder);
  if (!run) return run.error();
  const Result<const TrialRow*> trial = find_trial(*run, options.trial);
  if (!trial) return trial.error();
  const Result<fs::path> adapter = adapter_of(*folder, **trial);
  if (!adapter) return adapter.error();
  const Result<BaseSpec> base = local_base_of(**trial, options.catalogue);
  if (!base) return base.error();
  const Result<fs::path> trainer = find_program("plateau-trainer", options.trainer, "--trainer");
  if (!trainer) return trainer.error();
  const bool is_language = (*trial)->trial.task->kind == kCausalLm;
  std::vector<std::string> arguments = {"export",    adapter->string(),
                                        "--base",    base->path,
                                        "--pooling", is_language ? "tokens" : base->pooling,
                                        "--format",  options.format,
                                        "--out",     options.out.string()};
  if (base->quantization != "none") {
    arguments.emplace_back("--quantization");
    arguments.push_back(base->quantization);
  }
  for (const std::string& label : (*trial)->trial.task->labels) {
    arguments.emplace_back("--label");
    arguments.push_back(label);
  }
  return become_program(*trainer, arguments);
}

}  // namespace

void add_export_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "export",
      "A trial's adapter for another library: PEFT, pyreft, adapters, or merged into a model for "
      "transformers");
  auto options = std::make_shared<ExportOptions>();
  command->add_option("RUN", options->run, "Name of the run, or the path of its folder")
      ->required();
  command
      ->add_option("TRIAL", options->trial,
                   "Number of the trial, its label, or the beginning of its key")
      ->required();
  command->add_option("--format", options->format, "peft, merged, pyreft or adapters")
      ->capture_default_str();
  command->add_option("--out", options->out, "Folder to write")->required();
  command->add_option("--runs-dir", options->runs_dir, "Where run folders are")
      ->capture_default_str();
  command->add_option("--catalogue", options->catalogue,
                      "Catalogue of bases on top of the built-in one");
  command->add_option("--trainer", options->trainer,
                      "The trainer program; plateau-trainer beside this one by default");
  command->callback([options, &context] {
    if (Status done = become_export(*options); !done) context.fail(done.error());
  });
}

}  // namespace plateau::cli
