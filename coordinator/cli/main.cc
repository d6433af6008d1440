// plateau: the command line. One file a subcommand; see commands.h.
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "common/base/text.h"
#include "coordinator/cli/commands.h"

namespace {

using plateau::cli::CommandContext;

std::string quoted(const std::string& text) {
  const std::string plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
  if (!text.empty() && text.find_first_not_of(plain) == std::string::npos) return text;
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string command_line(int argc, char** argv) {
  std::string line = "plateau";
  for (int i = 1; i < argc; ++i)
    line += " " + quoted(argv[i]);
  return line;
}

void set_up(CLI::App& app, CommandContext& context) {
  app.set_version_flag("--version", std::string("plateau ") + PLATEAU_VERSION);
  app.footer("Begin with: plateau run sweeps/quickstart.yaml\n" +
             std::string(plateau::cli::kExitCodes));
  app.require_subcommand(1);
  plateau::cli::add_run_command(app, context);
  plateau::cli::add_plan_command(app, context);
  plateau::cli::add_status_command(app, context);
  plateau::cli::add_why_command(app, context);
  plateau::cli::add_results_command(app, context);
  plateau::cli::add_export_command(app, context);
  plateau::cli::add_coordinator_command(app, context);
  plateau::cli::add_worker_command(app, context);
  plateau::cli::add_keys_command(app, context);
  plateau::cli::add_schema_command(app, context);
  for (CLI::App* command : app.get_subcommands({})) {
    if (command->get_footer().empty()) command->footer(std::string(plateau::cli::kExitCodes));
  }
}

// A first word that is no command gets an answer of its own: CLI11 would only call it unexpected.
bool is_unknown_command(const CLI::App& app, const std::string& word) {
  if (word.empty() || word.front() == '-') return false;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == word) return false;
  }
  return true;
}

plateau::Error unknown_command(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({}))
    names.push_back(command->get_name());
  std::string message = "There is no command '" + word + "'.";
  if (const auto near = plateau::nearest(word, names)) message += " Did you mean '" + *near + "'?";
  return plateau::invalid_argument(message + " The commands are: " + plateau::join(names, ", ") +
                                   "; plateau --help tells what each does.");
}

int run(int argc, char** argv) {
  CommandContext context;
  context.command_line = command_line(argc, argv);
  CLI::App app(
      "Plateau trains hyperparameter sweeps of parameter-efficient fine-tuning methods "
      "and makes the paper's table and figure.",
      "plateau");
  set_up(app, context);
  if (argc == 1) {
    context.print(app.help());
    return 0;
  }
  if (is_unknown_command(app, argv[1])) {
    context.fail(unknown_command(app, argv[1]));
    return context.exit_code;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // --help and --version come this way as well, with exit code 0.
    return app.exit(error) == 0 ? 0 : plateau::exit_code(plateau::ErrorKind::kInvalidArgument);
  }
  return context.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that went away (| head) must not end a coordinator.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "plateau: internal error: %s. Please report it with the command.\n",
                 error.what());
    return plateau::exit_code(plateau::ErrorKind::kInternal);
  }
}
