// plateau run FILE: the main job.
#include <memory>

#include "coordinator/cli/session_options.h"
#include "coordinator/cli/sweep_session.h"

namespace plateau::cli {

void add_run_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "run",
      "Train a sweep on this machine and write its table and figure. The same command goes "
      "on where it was interrupted");
  auto options = std::make_shared<SessionOptions>();
  add_session_options(*command, *options);
  command
      ->add_option("--devices", options->devices,
                   "Devices to use: cpu, cuda:0, ...; all by default")
      ->delimiter(',');
  command->add_option("--pack", options->pack, "Most trials side by side on a device")
      ->check(CLI::PositiveNumber);
  command->add_option("--worker-program", options->worker_program,
                      "The plateau-worker to start; beside this program by default");
  command->add_option("--trainer", options->trainer,
                      "The plateau-trainer to start; beside the worker by default");
  command->callback([options, &context] { run_session(*options, context); });
}

}  // namespace plateau::cli
