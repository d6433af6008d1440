// One function a subcommand: it adds the subcommand to the program and, when the user called it,
// runs it in CLI11's callback. Each lives in its own file.
//
// A command reports its failure through the context and returns; it neither throws nor exits.
#pragma once

#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include "common/base/result.h"

namespace plateau::cli {

// Of the whole program; --help of each command ends with it.
inline constexpr std::string_view kExitCodes =
    "Exit codes: 0 done; 1 some trials failed; 2 bad input; 3 not found; 4 corrupt, or made by "
    "another version; 5 system (disk, network); 6 busy (locked, port in use); 70 internal; "
    "130 interrupted.";
inline constexpr int kExitTrialsFailed = 1;
inline constexpr int kExitInterrupted = 130;

struct CommandContext {
  int exit_code = 0;
  std::string command_line;  // as the user typed it, quoted for a shell: for "to go on: ..."

  // Writes to standard output as it is.
  void print(std::string_view text) const;
  // Writes "plateau: MESSAGE" to standard error, as one paragraph, and sets exit_code.
  void fail(const Error& error);
};

void add_run_command(CLI::App& app, CommandContext& context);
void add_coordinator_command(CLI::App& app, CommandContext& context);
void add_worker_command(CLI::App& app, CommandContext& context);
void add_keys_command(CLI::App& app, CommandContext& context);
void add_status_command(CLI::App& app, CommandContext& context);
void add_why_command(CLI::App& app, CommandContext& context);
void add_plan_command(CLI::App& app, CommandContext& context);
void add_schema_command(CLI::App& app, CommandContext& context);
void add_results_command(CLI::App& app, CommandContext& context);
void add_export_command(CLI::App& app, CommandContext& context);

}  // namespace plateau::cli
