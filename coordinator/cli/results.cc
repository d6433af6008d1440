// plateau results ...: tables, figures, statistics and exports out of a run, finished or not.
#include "coordinator/results/results.h"

#include <functional>
#include <memory>

#include "common/base/file.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/run_folder.h"
#include "coordinator/results/export.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {
namespace {

using results::ExportFormat;
using results::ExportWhat;

struct ResultsOptions {
  std::string run;
  std::string runs_dir = "runs";
  std::string format;
  std::string out;
  std::string kind = "rank";
  std::string what = "trials";
  double width = 0.0;
  PlateauRequest plateau;
};

struct Source {
  RunView run;
  std::filesystem::path folder;
};

using Writer = std::function<Result<std::string>(const Source&, const ResultsOptions&)>;

Status write(const ResultsOptions& options, const Writer& writer, const CommandContext& context) {
  const auto folder = find_run(options.run, options.runs_dir);
  if (!folder) return folder.error();
  const auto run = read_run(*folder);
  if (!run) return run.error();
  const auto text = writer({*run, *folder}, options);
  if (!text) return text.error();
  if (!options.out.empty()) return write_file_atomically(options.out, *text);
  context.print(*text);
  return {};
}

template <typename Value>
std::vector<std::string> names_of(const std::vector<std::pair<std::string, Value>>& all) {
  std::vector<std::string> names;
  for (const auto& [name, value] : all)
    names.push_back(name);
  return names;
}

// CLI11 has checked that the name is one of them.
template <typename Value>
Value value_of(const std::vector<std::pair<std::string, Value>>& all, const std::string& name) {
  for (const auto& [other, value] : all) {
    if (other == name) return value;
  }
  return all.front().second;
}

const std::vector<std::pair<std::string, ExportFormat>>& export_formats() {
  static const std::vector<std::pair<std::string, ExportFormat>> formats{
      {"csv", ExportFormat::kCsv}, {"jsonl", ExportFormat::kJsonl}};
  return formats;
}

const std::vector<std::pair<std::string, ExportWhat>>& exports() {
  static const std::vector<std::pair<std::string, ExportWhat>> all{
      {"trials", ExportWhat::kTrials},
      {"metrics", ExportWhat::kMetrics},
      {"predictions", ExportWhat::kPredictions}};
  return all;
}

TableFormat table_format(const ResultsOptions& options) {
  return value_of(table_formats(), options.format);
}

// A subcommand that turns a run into text: RUN, --out and --runs-dir are the same for all.
struct Added {
  CLI::App* command;
  std::shared_ptr<ResultsOptions> options;

  const Added& with_formats(const std::vector<std::string>& formats) const {
    options->format = formats.front();
    command->add_option("--format", options->format, "What to write")
        ->check(CLI::IsMember(formats))
        ->capture_default_str();
    return *this;
  }
};

Added add_writer(CLI::App& results, CommandContext& context, const std::string& name,
                 const std::string& meaning, Writer writer) {
  CLI::App* command = results.add_subcommand(name, meaning);
  command->footer(std::string(kExitCodes));
  auto options = std::make_shared<ResultsOptions>();
  command->add_option("RUN", options->run, "Name of the run, or the path of its folder")
      ->required();
  command->add_option("--out", options->out, "Write to this file instead of standard output");
  command->add_option("--runs-dir", options->runs_dir, "Where runs are")->capture_default_str();
  command->callback([options, writer = std::move(writer), &context] {
    if (Status status = write(*options, writer, context); !status) context.fail(status.error());
  });
  return {command, options};
}

void add_plateau(CLI::App& results, CommandContext& context) {
  const Added added = add_writer(
      results, context, "plateau",
      "From which rank on nothing is lost: step-down non-inferiority against the largest rank",
      [](const Source& source, const ResultsOptions& options) {
        return plateau_text(source.run, options.plateau, table_format(options));
      });
  added.with_formats({"terminal", "md", "tex", "json"});
  added.command
      ->add_option("--margin", added.options->plateau.margin,
                   "The loss that counts as none, in the unit of the table (points of accuracy)")
      ->required();
  added.command->add_option("--alpha", added.options->plateau.alpha, "One-sided level")
      ->capture_default_str();
}

void add_figure(CLI::App& results, CommandContext& context) {
  const Added added = add_writer(
      results, context, "figure", "A figure as SVG: metric against rank, or against parameters",
      [](const Source& source, const ResultsOptions& options) {
        return figure_svg(source.run, value_of(figure_kinds(), options.kind), options.width);
      });
  added.command->add_option("--kind", added.options->kind, "Which figure")
      ->check(CLI::IsMember(names_of(figure_kinds())))
      ->capture_default_str();
  added.command->add_option("--width", added.options->width,
                            "In points: 252 is a column of most two-column papers, 504 both; "
                            "0 chooses 360 for one panel and 504 for several");
}

void add_export(CLI::App& results, CommandContext& context) {
  const Added added = add_writer(
      results, context, "export", "Long rows for other programs: trials, metrics or predictions",
      [](const Source& source, const ResultsOptions& options) {
        return results::export_text(source.run, source.folder, value_of(exports(), options.what),
                                    value_of(export_formats(), options.format));
      });
  added.with_formats(names_of(export_formats()));
  added.command->add_option("--what", added.options->what, "Which rows")
      ->check(CLI::IsMember(names_of(exports())))
      ->capture_default_str();
}

}  // namespace

void add_results_command(CLI::App& app, CommandContext& context) {
  CLI::App* results = app.add_subcommand(
      "results", "Tables, figures and statistics for the paper, from a run finished or not");
  results->require_subcommand(1);
  results->footer(std::string(kExitCodes));
  add_writer(*results, context, "table",
             "The run's table: mean and standard deviation over seeds, with its notes",
             [](const Source& source, const ResultsOptions& options) -> Result<std::string> {
               return table_text(source.run, table_format(options));
             })
      .with_formats(names_of(table_formats()));
  add_writer(*results, context, "trace", "The trials and attempts behind every number of the table",
             [](const Source& source, const ResultsOptions& options) -> Result<std::string> {
               return trace_text(source.run, table_format(options));
             })
      .with_formats(names_of(table_formats()));
  add_writer(*results, context, "compare",
             "Adapters against each other, paired by seed: differences, exact tests, Holm",
             [](const Source& source, const ResultsOptions& options) {
               return comparison_text(source.run, table_format(options));
             })
      .with_formats({"terminal", "md", "tex", "json"});
  add_plateau(*results, context);
  add_figure(*results, context);
  add_export(*results, context);
}

}  // namespace plateau::cli
