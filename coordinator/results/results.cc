#include "coordinator/results/results.h"

#include "common/base/file.h"
#include "common/base/text.h"
#include "coordinator/results/catalogue_notes.h"
#include "coordinator/results/cells.h"
#include "coordinator/results/comparison.h"
#include "coordinator/results/figure/pareto_figure.h"
#include "coordinator/results/figure/rank_figure.h"
#include "coordinator/results/plateau_report.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"
#include "coordinator/results/trace.h"

namespace plateau {

namespace {

// A catalogue that cannot be read costs its notes, not the results.
results::Summary summary_of(const RunView& run) {
  results::Summary summary = results::summarise(run);
  if (const auto catalogue = Catalogue::load()) {
    results::add_catalogue_notes(*catalogue, summary);
  }
  return summary;
}

}  // namespace

Result<ResultFiles> write_results(const RunView& run, const std::filesystem::path& run_folder) {
  const results::Summary summary = summary_of(run);
  const results::Table table = results::build_table(summary);
  const std::filesystem::path folder = run_folder / "results";
  if (Status made = make_folder(folder); !made) return made.error();

  std::vector<std::pair<std::string, std::string>> files{
      {"table.md", results::markdown(table)},
      {"table.tex", results::latex(table)},
      {"table.csv", results::cells_csv(summary)},
  };
  if (const auto figure = results::rank_figure(summary)) {
    files.emplace_back("rank.svg", results::to_svg(*figure));
  }
  ResultFiles written;
  for (const auto& [name, bytes] : files) {
    if (Status status = write_file_atomically(folder / name, bytes); !status) {
      return status.error();
    }
    written.paths.push_back(folder / name);
  }
  return written;
}

const std::vector<std::pair<std::string, TableFormat>>& table_formats() {
  static const std::vector<std::pair<std::string, TableFormat>> formats{
      {"terminal", TableFormat::kTerminal}, {"md", TableFormat::kMarkdown},
      {"tex", TableFormat::kLatex},         {"csv", TableFormat::kCsv},
      {"json", TableFormat::kJson},
  };
  return formats;
}

std::string table_text(const RunView& run, TableFormat format) {
  const results::Summary summary = summary_of(run);
  switch (format) {
    case TableFormat::kTerminal:
      return results::terminal(results::build_table(summary), 100);
    case TableFormat::kMarkdown:
      return results::markdown(results::build_table(summary));
    case TableFormat::kLatex:
      return results::latex(results::build_table(summary));
    case TableFormat::kCsv:
      return results::cells_csv(summary);
    case TableFormat::kJson:
      return results::cells_json(summary);
  }
  return {};
}

namespace {

Result<std::string> written(const results::Table& table, TableFormat format,
                            const std::string& json) {
  switch (format) {
    case TableFormat::kTerminal:
      return results::terminal(table, 100);
    case TableFormat::kMarkdown:
      return results::markdown(table);
    case TableFormat::kLatex:
      return results::latex(table);
    case TableFormat::kJson:
      return json;
    case TableFormat::kCsv:
      break;
  }
  return invalid_argument(
      "csv holds the cells of a run and is written by 'plateau results table'; ask for terminal, "
      "md, tex or json here.");
}

}  // namespace

Result<std::string> plateau_text(const RunView& run, const PlateauRequest& request,
                                 TableFormat format) {
  if (!(request.margin > 0.0)) {
    return invalid_argument(
        "a plateau needs a margin above zero: how much loss counts as none, in the unit that the "
        "table prints (points of accuracy, say). Give it with --margin, before you look.");
  }
  if (!(request.alpha > 0.0 && request.alpha < 0.5)) {
    return invalid_argument("the level is " + format_number(request.alpha) +
                            "; it must lie between 0 and 0.5.");
  }
  const results::Summary summary = results::summarise(run);
  const results::PlateauOptions options{request.margin, request.alpha};
  const auto findings = results::find_plateaus(summary, options);
  if (findings.empty()) {
    return invalid_argument("run '" + run.name +
                            "' has no adapter with two ranks, so there is no curve to test.");
  }
  return written(results::plateau_table(summary, findings, options), format,
                 results::plateau_json(findings, options));
}

Result<std::string> comparison_text(const RunView& run, TableFormat format) {
  const results::Summary summary = results::summarise(run);
  const auto comparisons = results::compare_adapters(summary);
  if (comparisons.empty()) {
    return invalid_argument("run '" + run.name +
                            "' has no two adapters with a finished trial of the same rank and "
                            "seed, so there is nothing to compare yet.");
  }
  return written(results::comparison_table(summary, comparisons), format,
                 results::comparison_json(comparisons));
}

std::string terminal_table(const RunView& run, int columns) {
  return results::terminal(results::build_table(summary_of(run)), columns);
}

std::string trace_text(const RunView& run, TableFormat format) {
  if (format == TableFormat::kCsv) return results::trace_csv(run);
  const results::Table table = results::trace_table(run);
  // A folder that is cut names nothing, so these lines may be wider than a terminal.
  constexpr int kWide = 240;
  if (format == TableFormat::kTerminal) return results::terminal(table, kWide);
  return *written(table, format, results::trace_json(run));  // Every other format has a writer.
}

const std::vector<std::pair<std::string, FigureKind>>& figure_kinds() {
  static const std::vector<std::pair<std::string, FigureKind>> kinds{
      {"rank", FigureKind::kRank}, {"pareto", FigureKind::kPareto}};
  return kinds;
}

Result<std::string> figure_svg(const RunView& run, FigureKind kind, double width) {
  if (width != 0.0 && !(width >= 200.0 && width <= 2000.0)) {
    return invalid_argument("a figure of " + format_number(width) +
                            " points cannot be read; choose 200 to 2000 (252 is a column of most "
                            "two-column papers, 504 both).");
  }
  const results::Summary summary = results::summarise(run);
  const results::FigureOptions options{width};
  const auto drawing = kind == FigureKind::kRank ? results::rank_figure(summary, options)
                                                 : results::pareto_figure(summary, options);
  if (!drawing) {
    return not_found("run '" + run.name +
                     "' has no finished trial of an adapter with a rank yet, so this figure would "
                     "be empty. See 'plateau status " +
                     run.name + "'.");
  }
  return results::to_svg(*drawing);
}

}  // namespace plateau
