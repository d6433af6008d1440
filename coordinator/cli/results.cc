// plateau results ...: tables out of a run, finished or not.
#include "coordinator/results/results.h"

#include <map>
#include <memory>

#include "common/base/file.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/run_folder.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {
namespace {

struct TableOptions {
  std::string run;
  std::string runs_dir = "runs";
  TableFormat format = TableFormat::kTerminal;
  std::string out;
};

Status print_or_write(const CommandContext& context, const std::string& text,
                      const std::string& out) {
  if (!out.empty()) return write_file_atomically(out, text);
  context.print(text);
  return {};
}

Status table(const TableOptions& options, const CommandContext& context) {
  const auto folder = find_run(options.run, options.runs_dir);
  if (!folder) return folder.error();
  const auto run = read_run(*folder);
  if (!run) return run.error();
  return print_or_write(context, table_text(*run, options.format), options.out);
}

void add_table_command(CLI::App& results, CommandContext& context) {
  CLI::App* command = results.add_subcommand(
      "table", "The run's table: mean and standard deviation over seeds, with its notes");
  command->footer(std::string(kExitCodes));
  auto options = std::make_shared<TableOptions>();
  command->add_option("RUN", options->run, "Name of the run, or the path of its folder")
      ->required();
  std::map<std::string, TableFormat> formats(table_formats().begin(), table_formats().end());
  command->add_option("--format", options->format, "terminal, md, tex, csv or json")
      ->transform(CLI::CheckedTransformer(formats))
      ->default_str("terminal");
  command->add_option("--out", options->out, "Write to this file instead of standard output");
  command->add_option("--runs-dir", options->runs_dir, "Where runs are")->capture_default_str();
  command->callback([options, &context] {
    if (Status status = table(*options, context); !status) context.fail(status.error());
  });
}

}  // namespace

void add_results_command(CLI::App& app, CommandContext& context) {
  CLI::App* results =
      app.add_subcommand("results", "Tables for the paper, from a run that is finished or not");
  results->require_subcommand(1);
  results->footer(std::string(kExitCodes));
  add_table_command(*results, context);
}

}  // namespace plateau::cli
