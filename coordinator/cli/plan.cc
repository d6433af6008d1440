// plateau plan FILE: what a sweep would do, without training or downloading anything.
#include <memory>
#include <string>
#include <vector>

#include "common/catalogue/load_sweep.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/plan_report.h"
#include "coordinator/cli/resolved.h"
#include "coordinator/results/table_spec.h"
#include "coordinator/store/run_status.h"

namespace plateau::cli {
namespace {

struct PlanOptions {
  SweepRequest request;
  std::string catalogue;
  bool json = false;
  bool resolved = false;
  std::size_t trial = 0;  // from 1; 0: the whole plan
  std::string name;       // of the run folder; empty: the sweep's own
  std::filesystem::path runs_dir = "runs";
};

void print_trial(const PlanOptions& options, const LoadedSweep& loaded, CommandContext& context) {
  const std::size_t count = loaded.plan.trials.size();
  if (options.trial > count) {
    context.fail(invalid_argument("--trial " + std::to_string(options.trial) + ": " +
                                  loaded.sweep.name + " has trials 1 to " + std::to_string(count) +
                                  ", baselines last"));
    return;
  }
  const std::size_t index = options.trial - 1;
  if (options.json) {
    context.print(to_json(loaded.plan.trials[index].trial()).dump(2) + "\n");
  } else {
    context.print(resolved_text(loaded, index));
  }
}

// nullopt: the sweep has no run folder yet.
Result<std::optional<DoneBefore>> done_before(const PlanOptions& options,
                                              const std::string& sweep_name) {
  const std::filesystem::path folder =
      options.runs_dir / (options.name.empty() ? sweep_name : options.name);
  std::error_code ignored;
  if (!std::filesystem::exists(folder / "plateau.db", ignored)) return std::optional<DoneBefore>();
  Result<std::set<std::string>> keys = read_done_keys(folder);
  if (!keys) return keys.error();
  return std::optional<DoneBefore>({folder.string(), std::move(*keys)});
}

void plan(const PlanOptions& options, CommandContext& context) {
  Result<Catalogue> catalogue = Catalogue::load(options.catalogue);
  if (!catalogue) return context.fail(catalogue.error());
  SweepRequest request = options.request;
  request.check_report = results::check_report;
  Result<LoadedSweep> loaded = load_sweep(request, *catalogue);
  if (!loaded) return context.fail(loaded.error());
  if (options.trial != 0) return print_trial(options, *loaded, context);
  if (options.resolved && options.json) {
    return context.print(resolved_with_origins(*loaded).dump(2) + "\n");
  }
  if (options.resolved) {
    context.print(resolved_search_text(*loaded) + "\n");
    for (std::size_t index = 0; index < loaded->plan.trials.size(); ++index)
      context.print(resolved_text(*loaded, index) + "\n");
    return;
  }
  const Result<std::optional<DoneBefore>> done = done_before(options, loaded->sweep.name);
  if (!done) return context.fail(done.error());
  const DoneBefore* before = *done ? &**done : nullptr;
  const CostModel costs(read_measurements(cache_folder()), *loaded);
  context.print(options.json ? plan_json(*loaded, costs, before).dump(2) + "\n"
                             : plan_text(*loaded, costs, before));
}

}  // namespace

void add_plan_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "plan",
      "Show what a sweep would train: trials, cells, parameters, memory, time. Trains and "
      "downloads nothing; finds every mistake in the file");
  auto options = std::make_shared<PlanOptions>();
  command->add_option("FILE", options->request.file, "The sweep, a YAML file")->required();
  command->add_option("OVERRIDES", options->request.overrides,
                      "key=value, such as rank=1,2,4 lora.learning_rate=1e-3 seed='range(5)'");
  command->add_flag("--json", options->json, "JSON instead of text");
  command
      ->add_option("--trial", options->trial,
                   "Only this trial, from 1; with --json as `plateau-trainer train` reads it")
      ->check(CLI::PositiveNumber);
  command->add_flag("--resolved", options->resolved,
                    "Every trial with every value and where it came from");
  command->add_flag("--smoke", options->request.smoke,
                    "The small form of the sweep that `run --smoke` trains");
  command->add_option("--name", options->name, "Name of the run folder; the sweep's by default");
  command
      ->add_option("--runs-dir", options->runs_dir,
                   "Where run folders are: what is done already is counted")
      ->capture_default_str();
  command->add_option("--catalogue", options->catalogue,
                      "Bases and tasks of your own, on top of the built-in ones");
  command->callback([options, &context] { plan(*options, context); });
}

}  // namespace plateau::cli
