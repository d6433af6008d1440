// plateau results ...: tables, figures, statistics and exports out of a run, finished or not.
#include "coordinator/results/results.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "common/base/file.h"
#include "common/base/text.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/run_folder.h"
#include "coordinator/results/dimensions.h"
#include "coordinator/results/export.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {
namespace {

using results::ExportFormat;
using results::ExportWhat;

// What was given for a table; nothing given leaves it to the sweep's `report` section.
struct TableOptions {
  std::string only;  // one table of the `report` section
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  std::vector<std::string> show;
  std::string metric;
  std::string split;
  std::string aggregate;
  std::string sort;
  std::string protocols;

  bool has_layout() const {
    return !rows.empty() || !columns.empty() || !show.empty() || !metric.empty() ||
           !split.empty() || !aggregate.empty() || !sort.empty() || !protocols.empty();
  }
};

struct ResultsOptions {
  std::string run;
  std::string runs_dir = "runs";
  std::string format;
  std::string out;
  std::string kind = "rank";
  std::string what = "trials";
  std::string width = "0";
  PlateauRequest plateau;
  bool has_margin = false;  // 0 is refused, not taken for none
  TableOptions table;
  std::vector<std::string> where;
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
  results::Filters filters;
  for (const std::string& one : options.where) {
    if (Status status = results::add_filter(one, filters); !status) return status;
  }
  const auto part = results::filtered(*run, filters);
  if (!part) return part.error();
  const auto text = writer({*part, *folder}, options);
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
      {"csv", ExportFormat::kCsv},
      {"jsonl", ExportFormat::kJsonl},
      {"parquet", ExportFormat::kParquet}};
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
  command->add_option(
      "--where", options->where,
      "Only trials with NAME=VALUE or NAME=VALUE,VALUE: rank=4,16. May be repeated");
  command->add_option("--runs-dir", options->runs_dir, "Where runs are")->capture_default_str();
  command->callback([options, writer = std::move(writer), &context] {
    if (Status status = write(*options, writer, context); !status) context.fail(status.error());
  });
  return {command, options};
}

void override_layout(const TableOptions& given, results::TableSpec& spec) {
  if (!given.rows.empty()) spec.rows = given.rows;
  if (!given.columns.empty()) spec.columns = given.columns;
  if (!given.metric.empty()) spec.metric = given.metric;
  if (!given.split.empty()) spec.split = given.split;
  if (!given.sort.empty()) spec.sort = given.sort;
  if (!given.protocols.empty()) spec.refuse_mixed_protocols = given.protocols == "refuse";
  if (!given.aggregate.empty()) spec.aggregate = value_of(results::aggregates(), given.aggregate);
  if (given.show.empty()) return;
  spec.show.clear();
  for (const std::string& name : given.show)
    spec.show.push_back(value_of(results::shows(), name));
}

// The tables of the sweep's `report` section, or the one that --table names, with what the flags
// say changed; flags alone make one table of their own.
Result<std::vector<results::TableSpec>> specs_of(const RunView& run, const TableOptions& given) {
  auto specs = results::table_specs(run.sweep_report);
  if (!specs) return specs.error();
  if (!given.only.empty()) {
    std::vector<std::string> names;
    for (const results::TableSpec& spec : *specs)
      names.push_back(spec.name);
    const auto found = std::find(names.begin(), names.end(), given.only);
    if (found == names.end()) {
      return invalid_argument("the run's report has no table '" + given.only + "'; there are " +
                              join(names, ", ") + ".");
    }
    *specs = {(*specs)[static_cast<std::size_t>(found - names.begin())]};
  } else if (given.has_layout()) {
    *specs = {results::TableSpec{}};
  }
  for (results::TableSpec& spec : *specs)
    override_layout(given, spec);
  return specs;
}

void add_table(CLI::App& results, CommandContext& context) {
  const Added added = add_writer(
      results, context, "table",
      "The run's tables: mean and spread over seeds, with their notes. Laid out by the sweep's "
      "`report` section, or by flags",
      [](const Source& source, const ResultsOptions& options) -> Result<std::string> {
        const auto specs = specs_of(source.run, options.table);
        if (!specs) return specs.error();
        return table_text(source.run, *specs, table_format(options));
      });
  added.with_formats(names_of(table_formats()));
  TableOptions& table = added.options->table;
  CLI::App& command = *added.command;
  command.add_option("--table", table.only, "One table of the sweep's report, by its name");
  command.add_option("--rows", table.rows, "What makes rows: adapter,rank")->delimiter(',');
  command.add_option("--columns", table.columns, "What makes columns: task")->delimiter(',');
  command.add_option("--metric", table.metric, "A metric other than the task's own");
  command.add_option("--split", table.split, "test, validation or train")
      ->check(CLI::IsMember({"test", "validation", "train"}));
  command
      .add_option("--aggregate", table.aggregate,
                  "sd: mean and standard deviation; t95, bootstrap95: mean and 95 % interval; "
                  "median: with the smallest and largest")
      ->check(CLI::IsMember(names_of(results::aggregates())));
  command.add_option("--sort", table.sort,
                     "A dimension, a shown column or a task; -NAME: downwards");
  command.add_option("--show", table.show, "Columns beside the values, in this order")
      ->delimiter(',')
      ->check(CLI::IsMember(names_of(results::shows())));
  command.add_option("--protocols", table.protocols, "What to do with rows of several protocols")
      ->check(CLI::IsMember({"mark", "refuse"}));
}

void add_compare(CLI::App& results, CommandContext& context) {
  const Added added = add_writer(
      results, context, "compare",
      "Adapters against each other, paired by seed or by test item: differences, tests, Holm, "
      "cliques",
      [](const Source& source, const ResultsOptions& options) -> Result<std::string> {
        if (options.kind == "items") {
          return item_comparison_text(source.run, source.folder, table_format(options));
        }
        return comparison_text(source.run, table_format(options));
      });
  added.with_formats({"terminal", "md", "tex", "json"});
  added.options->kind = "seeds";
  added.command
      ->add_option("--over", added.options->kind,
                   "seeds: pairs of base, task and seed; items: pairs of test items, from the "
                   "predictions in the run folder")
      ->check(CLI::IsMember({"seeds", "items"}))
      ->capture_default_str();
}

void add_efficiency(CLI::App& results, CommandContext& context) {
  add_writer(results, context, "efficiency",
             "Metric against trainable parameters: the Pareto front, and how many times fewer "
             "parameters one adapter needs than another for the same metric",
             [](const Source& source, const ResultsOptions& options) {
               return efficiency_text(source.run, table_format(options));
             })
      .with_formats({"terminal", "md", "tex", "json"});
}

void add_plateau(CLI::App& results, CommandContext& context) {
  const Added added = add_writer(
      results, context, "plateau",
      "From which rank on nothing is lost: step-down non-inferiority against the largest rank or a "
      "reference",
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
  added.command->add_option(
      "--reference", added.options->plateau.reference,
      "A method to hold the ranks against, by seed; default: the largest rank");
  added.command->add_flag("--keep-collapsed", added.options->plateau.keep_collapsed,
                          "Keep runs below chance in, which are left out otherwise");
}

// What the file's name promises, where it promises something.
FigureFormat figure_format(const ResultsOptions& options) {
  for (const auto& [name, format] : figure_formats()) {
    if (std::filesystem::path(options.out).extension() == "." + name) return format;
  }
  return value_of(figure_formats(), options.format);
}

void add_figure(CLI::App& results, CommandContext& context) {
  const Added added =
      add_writer(results, context, "figure",
                 "A figure for print: metric against rank, parameters or step, ...",
                 [](const Source& source, const ResultsOptions& options) -> Result<std::string> {
                   const auto width = figure_width(options.width);
                   if (!width) return width.error();
                   return figure_bytes(source.run, value_of(figure_kinds(), options.kind),
                                       figure_format(options), *width);
                 });
  added.with_formats(names_of(figure_formats()));
  added.command->add_option("--kind", added.options->kind, "Which figure")
      ->check(CLI::IsMember(names_of(figure_kinds())))
      ->capture_default_str();
  added.command->add_option("--width", added.options->width,
                            "one or two columns of a two-column paper, or points (252 and 504); "
                            "0: 360 for one panel and 504 for several");
}

void add_report(CLI::App& results, CommandContext& context) {
  const Added added = add_writer(
      results, context, "report",
      "One HTML page that opens offline: tables, figures, statistics, versions, the sweep file",
      [](const Source& source, const ResultsOptions& options) {
        std::optional<PlateauRequest> plateau;
        if (options.has_margin) plateau = options.plateau;
        return report_html(source.run, plateau);
      });
  added.command
      ->add_option("--margin", added.options->plateau.margin,
                   "For the plateau test: the loss that counts as none, in the unit of "
                   "the table; without it the test is left out")
      ->each([options = added.options.get()](const std::string&) { options->has_margin = true; });
  added.command->add_option("--reference", added.options->plateau.reference,
                            "A method to hold the ranks against; default: the largest rank");
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
  add_table(*results, context);
  add_writer(*results, context, "trace", "The trials and attempts behind every number of the table",
             [](const Source& source, const ResultsOptions& options) -> Result<std::string> {
               return trace_text(source.run, table_format(options));
             })
      .with_formats({"terminal", "md", "tex", "csv", "json"});
  add_compare(*results, context);
  add_efficiency(*results, context);
  add_plateau(*results, context);
  add_figure(*results, context);
  add_report(*results, context);
  add_export(*results, context);
}

}  // namespace plateau::cli
