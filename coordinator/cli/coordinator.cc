// plateau coordinator FILE --bind ADDRESS: the coordinator alone; workers come over the network.
#include <memory>
#include <string>

#include "coordinator/cli/session_options.h"
#include "coordinator/cli/sweep_session.h"

namespace plateau::cli {

void add_coordinator_command(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "coordinator", "Serve a sweep to workers on other machines, and write its table and figure");
  auto options = std::make_shared<SessionOptions>();
  auto bind = std::make_shared<std::string>();
  auto keys = std::make_shared<std::string>();
  add_session_options(*command, *options);
  command->add_option("--bind", *bind, "Where to listen: tcp://ADDRESS:PORT, tcp://*:PORT")
      ->required();
  command->add_option("--keys", *keys,
                      "The folder that `plateau keys new` made [keys]. Workers need a key unless "
                      "--bind names this host alone (127.0.0.1)");
  command->add_flag("--insecure", options->insecure,
                    "No keys and no encryption: whoever reaches the address takes part and reads "
                    "along");
  command
      ->add_option("--lease-ms", options->lease_ms,
                   "A worker silent for so long is taken for lost, and its trials go elsewhere")
      ->capture_default_str()
      ->check(CLI::Range(2000, 3'600'000));
  command
      ->add_flag("--bench-synchronous-normal", options->sync_rarely,
                 "A power cut may take back what was acknowledged: for benchmarks alone")
      ->group("");  // not in the help
  command->callback([options, bind, keys, &context] {
    if (!keys->empty()) options->keys = *keys;
    options->bind = *bind;
    run_session(*options, context);
  });
}

}  // namespace plateau::cli
