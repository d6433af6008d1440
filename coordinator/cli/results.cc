// plateau results ...: tables and statistics out of a run, finished or not.
#include "coordinator/results/results.h"

#include <functional>
#include <map>
#include <memory>

#include "common/base/file.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/run_folder.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {
namespace {

struct ResultsOptions {
  std::string run;
  std::string runs_dir = "runs";
  TableFormat format = TableFormat::kTerminal;
  std::string out;
  PlateauRequest plateau;
};

using Writer = std::function<Result<std::string>(const RunView&, const ResultsOptions&)>;

Status write(const ResultsOptions& options, const Writer& writer, const CommandContext& context) {
  const auto folder = find_run(options.run, options.runs_dir);
  if (!folder) return folder.error();
  const auto run = read_run(*folder);
  if (!run) return run.error();
  const auto text = writer(*run, options);
  if (!text) return text.error();
  if (!options.out.empty()) return write_file_atomically(options.out, *text);
  context.print(*text);
  return {};
}

// A subcommand that turns a run into text: RUN, --format, --out, --runs-dir are the same for all.
struct Added {
  CLI::App* command;
  std::shared_ptr<ResultsOptions> options;
};

Added add_writer(CLI::App& results, CommandContext& context, const std::string& name,
                 const std::string& meaning, Writer writer) {
  CLI::App* command = results.add_subcommand(name, meaning);
  command->footer(std::string(kExitCodes));
  auto options = std::make_shared<ResultsOptions>();
  command->add_option("RUN", options->run, "Name of the run, or the path of its folder")
      ->required();
  const std::map<std::string, TableFormat> formats(table_formats().begin(), table_formats().end());
  command->add_option("--format", options->format, "terminal, md, tex, csv or json")
      ->transform(CLI::CheckedTransformer(formats))
      ->default_str("terminal");
  command->add_option("--out", options->out, "Write to this file instead of standard output");
  command->add_option("--runs-dir", options->runs_dir, "Where runs are")->capture_default_str();
  command->callback([options, writer = std::move(writer), &context] {
    if (Status status = write(*options, writer, context); !status) context.fail(status.error());
  });
  return {command, options};
}

}  // namespace

void add_results_command(CLI::App& app, CommandContext& context) {
  CLI::App* results = app.add_subcommand(
      "results", "Tables and statistics for the paper, from a run that is finished or not");
  results->require_subcommand(1);
  results->footer(std::string(kExitCodes));
  add_writer(*results, context, "table",
             "The run's table: mean and standard deviation over seeds, with its notes",
             [](const RunView& run, const ResultsOptions& options) -> Result<std::string> {
               return table_text(run, options.format);
             });
  add_writer(*results, context, "compare",
             "Adapters against each other, paired by seed: differences, exact tests, Holm",
             [](const RunView& run, const ResultsOptions& options) {
               return comparison_text(run, options.format);
             });
  const Added plateau = add_writer(
      *results, context, "plateau",
      "From which rank on nothing is lost: step-down non-inferiority against the largest rank",
      [](const RunView& run, const ResultsOptions& options) {
        return plateau_text(run, options.plateau, options.format);
      });
  plateau.command
      ->add_option("--margin", plateau.options->plateau.margin,
                   "The loss that counts as none, in the unit of the table (points of accuracy)")
      ->required();
  plateau.command->add_option("--alpha", plateau.options->plateau.alpha, "One-sided level")
      ->capture_default_str();
}

}  // namespace plateau::cli
