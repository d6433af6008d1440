// plateau worker ...: becomes plateau-worker, which has options and a --help of its own.
#include <cerrno>
#include <cstring>
#include <vector>

#include <unistd.h>

#include "coordinator/cli/commands.h"
#include "coordinator/cli/local_worker.h"

namespace plateau::cli {
namespace {

void become_worker(const std::vector<std::string>& given, CommandContext& context) {
  const Result<std::filesystem::path> program = find_worker_program({});
  if (!program) return context.fail(program.error());
  std::vector<std::string> texts = given;
  texts.insert(texts.begin(), program->string());
  std::vector<char*> arguments;
  for (std::string& text : texts)
    arguments.push_back(text.data());
  arguments.push_back(nullptr);
  ::execv(arguments.front(), arguments.data());
  context.fail(
      io_error("Starting " + program->string() + " failed: " + std::strerror(errno) + "."));
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
