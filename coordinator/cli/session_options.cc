#include "coordinator/cli/session_options.h"

namespace plateau::cli {

void add_session_options(CLI::App& command, SessionOptions& options) {
  command.add_option("FILE", options.sweep.file, "The sweep, e.g. sweeps/quickstart.yaml")
      ->required();
  command.add_option("OVERRIDES", options.sweep.overrides,
                     "Changes to the sweep: rank=1,2,4 seed=range(5) lora.learning_rate=1e-3");
  command.add_flag("--smoke", options.sweep.smoke,
                   "The same sweep in about a minute: few rows, one epoch, one seed; in a run "
                   "folder of its own");
  command.add_option("--name", options.name, "Name of the run folder; the sweep's by default");
  command.add_option("--runs-dir", options.runs_dir, "Where run folders are")
      ->capture_default_str();
  command
      .add_option("--reuse", options.reuse,
                  "A run whose finished trials count here where they are the same; once for each "
                  "run")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_flag("--plain", options.plain, "Progress as plain lines, also on a terminal");
  command.add_flag("--json", options.json, "Print a summary as JSON at the end");
}

}  // namespace plateau::cli
