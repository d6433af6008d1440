// plateau worker ...: becomes plateau-worker, which has options and a --help of its own.
#include "coordinator/cli/commands.h"
#include "coordinator/cli/local_worker.h"
#include "coordinator/cli/programs.h"

namespace plateau::cli {
namespace {

void become_worker(const std::vector<std::string>& given, CommandContext& context) {
  const Result<std::filesystem::path> program = find_worker_program({});
  context.fail(program ? become_program(*program, given) : program.error());
}

}  // namespace

void add_worker_command(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("worker",
                         "Work for a coordinator: plateau worker --connect tcp://HOST:PORT. "
                         "`plateau worker --help` is plateau-worker's");
  // Everything after the word belongs to plateau-worker, its --help included.
  command->set_help_flag();
  command->prefix_command();
  command->callback([command, &context] { become_worker(command->remaining(), context); });
}

}  // namespace plateau::cli
