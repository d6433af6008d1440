#include "coordinator/results/results.h"

#include "common/base/file.h"
#include "common/base/text.h"
#include "coordinator/results/cells.h"
#include "coordinator/results/comparison.h"
#include "coordinator/results/efficiency.h"
#include "coordinator/results/figure/rank_figure.h"
#include "coordinator/results/parquet/parquet.h"
#include "coordinator/results/plateau_report.h"
#include "coordinator/results/run_tables.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"
#include "coordinator/results/trace.h"

namespace plateau {

namespace {

constexpr int kTerminalColumns = 100;
constexpr std::size_t kMostLines = 500;  // of a figure
constexpr int kWideColumns = 140;        // intervals and p-values that are cut say nothing

}  // namespace

Result<ResultFiles> write_results(const RunView& run, const std::filesystem::path& run_folder) {
  const auto specs = results::table_specs(run.sweep_report);
  if (!specs) return specs.error();
  const std::filesystem::path folder = run_folder / "results";
  if (Status made = make_folder(folder); !made) return made.error();

  // One after another: of 100,000 cells each text, and what it is made of, is tens of megabytes.
  ResultFiles written;
  Status status;
  const auto write = [&](const std::string& name, const std::string& bytes) {
    if (!status) return;
    status = write_file_atomically(folder / name, bytes);
    written.paths.push_back(folder / name);
  };
  // One of an earlier, smaller sweep would be taken for this one's.
  const auto leave_out = [&](const std::string& name) {
    std::error_code error;
    std::filesystem::remove(folder / name, error);  // None is no error.
    if (error && status) {
      status =
          io_error("removing " + (folder / name).string() + ", which is of an earlier sweep, " +
                   "failed: " + error.message() + ". Remove it by hand.");
    }
  };
  for (const results::TableSpec& spec : *specs) {
    const auto tables = results::tables_of(run, {spec});
    if (!tables) {
      // A filter may fit nothing in a smoke run; the other tables are worth having all the same.
      write(spec.name + ".md", "This table could not be made: " + tables.error().message + "\n");
      leave_out(spec.name + ".tex");
      continue;
    }
    write(spec.name + ".md", results::markdown(tables->front()));
    write(spec.name + ".tex", results::latex(*tables));
  }
  const results::Summary summary = results::summary_of(run);
  write("table.csv", results::cells_csv(summary));
  const std::size_t lines = results::curves(summary).size();
  const auto figure = lines > kMostLines ? std::nullopt : results::rank_figure(summary);
  if (figure) {
    write("rank.svg", results::to_svg(*figure));
    write("rank.pdf", results::to_pdf(*figure));
  } else {
    leave_out("rank.svg");
    leave_out("rank.pdf");
  }
  if (lines > kMostLines) {
    written.left_out = "No rank.svg and no rank.pdf: they would have " + std::to_string(lines) +
                       " lines, and more than " + std::to_string(kMostLines) +
                       " cannot be told apart. 'plateau results figure " + run.name +
                       " --where NAME=VALUE' draws some of them.";
  }
  if (!status) return status.error();
  return written;
}

const std::vector<std::pair<std::string, TableFormat>>& table_formats() {
  static const std::vector<std::pair<std::string, TableFormat>> formats{
      {"terminal", TableFormat::kTerminal}, {"md", TableFormat::kMarkdown},
      {"tex", TableFormat::kLatex},         {"csv", TableFormat::kCsv},
      {"json", TableFormat::kJson},         {"parquet", TableFormat::kParquet},
  };
  return formats;
}

Result<std::vector<NamedText>> table_texts(const RunView& run,
                                           const std::vector<results::TableSpec>& specs,
                                           TableFormat format) {
  const auto tables = results::tables_of(run, specs);
  if (!tables) return tables.error();
  std::vector<NamedText> texts;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const results::Table& table = (*tables)[i];
    std::string text;
    switch (format) {
      case TableFormat::kTerminal:
        text = results::terminal(table, kTerminalColumns);
        break;
      case TableFormat::kMarkdown:
        text = results::markdown(table);
        break;
      case TableFormat::kLatex:
        text = results::latex(table);
        break;
      case TableFormat::kCsv:
        text = results::cells_csv(*results::summary_for(run, specs[i]));
        break;
      case TableFormat::kJson:
        text = results::cells_json(*results::summary_for(run, specs[i]));
        break;
      case TableFormat::kParquet:
        return internal_error("a Parquet file holds all tables: table_text");
    }
    texts.push_back({specs[i].name, std::move(text)});
  }
  return texts;
}

namespace {

Result<std::string> tables_parquet(const RunView& run,
                                   const std::vector<results::TableSpec>& specs) {
  std::vector<results::NamedSummary> tables;
  for (const results::TableSpec& spec : specs) {
    auto summary = results::summary_for(run, spec);
    if (!summary) return summary.error();
    tables.push_back({spec.name, std::move(*summary)});
  }
  const auto columns = results::cells_columns(tables);
  if (!columns) return columns.error();
  return results::to_parquet(*columns);
}

}  // namespace

Result<std::string> table_text(const RunView& run, const std::vector<results::TableSpec>& specs,
                               TableFormat format) {
  if (format == TableFormat::kParquet) return tables_parquet(run, specs);
  if (format == TableFormat::kLatex) {
    const auto tables = results::tables_of(run, specs);
    if (!tables) return tables.error();
    return results::latex(*tables);
  }
  const auto texts = table_texts(run, specs, format);
  if (!texts) return texts.error();
  const bool array = format == TableFormat::kJson && texts->size() > 1;
  std::string all = array ? "[\n" : "";
  for (std::size_t i = 0; i < texts->size(); ++i) {
    const bool last = i + 1 == texts->size();
    const bool titled =
        texts->size() > 1 && (format == TableFormat::kTerminal || format == TableFormat::kMarkdown);
    if (titled) all += (format == TableFormat::kMarkdown ? "## " : "") + (*texts)[i].name + "\n\n";
    all += (*texts)[i].text;
    if (!last) all += array ? ",\n" : "\n";
  }
  return all + (array ? "]\n" : "");
}

std::string table_text(const RunView& run, TableFormat format) {
  // Every default: nothing in it can be refused.
  auto text = table_text(run, std::vector<results::TableSpec>{{}}, format);
  return text ? std::move(*text) : text.error().message + "\n";
}

namespace {

Result<std::string> written(const results::Table& table, TableFormat format,
                            const std::string& json) {
  switch (format) {
    case TableFormat::kTerminal:
      return results::terminal(table, kWideColumns);
    case TableFormat::kMarkdown:
      return results::markdown(table);
    case TableFormat::kLatex:
      return results::latex(table);
    case TableFormat::kJson:
      return json;
    case TableFormat::kCsv:
    case TableFormat::kParquet:
      break;
  }
  return invalid_argument(
      "csv holds the cells of a run and is written by 'plateau results table'; ask for terminal, "
      "md, tex or json here.");
}

}  // namespace

Result<results::PlateauOptions> plateau_options(const PlateauRequest& request) {
  if (!(request.margin > 0.0)) {
    return invalid_argument(
        "a plateau needs a margin above zero: how much loss counts as none, in the unit that the "
        "table prints (points of accuracy, say). Give it with --margin, before you look.");
  }
  if (!(request.alpha > 0.0 && request.alpha < 0.5)) {
    return invalid_argument("the level is " + format_number(request.alpha) +
                            "; it must lie between 0 and 0.5.");
  }
  results::PlateauOptions options{request.margin, request.alpha};
  options.reference = request.reference;
  options.keep_collapsed = request.keep_collapsed;
  return options;
}

Result<std::string> plateau_text(const RunView& run, const PlateauRequest& request,
                                 TableFormat format) {
  const auto options = plateau_options(request);
  if (!options) return options.error();
  const results::Summary summary = results::summarise(run);
  const auto findings = results::find_plateaus(summary, *options);
  if (!findings) return findings.error();
  if (findings->empty()) {
    return invalid_argument("run '" + run.name +
                            "' has no adapter with two ranks, so there is no curve to test.");
  }
  return written(results::plateau_table(summary, *findings, *options), format,
                 results::plateau_json(*findings, *options));
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
                 results::comparison_json(summary, comparisons));
}

Result<std::string> item_comparison_text(const RunView& run,
                                         const std::filesystem::path& run_folder,
                                         TableFormat format) {
  const auto scores = results::read_item_scores(run, run_folder);
  if (!scores) return scores.error();
  const results::Summary summary = results::summarise(run);
  const auto comparisons = results::compare_adapters(summary, *scores);
  if (comparisons.empty()) {
    return invalid_argument("run '" + run.name +
                            "' has no two adapters with predictions of the same rank and seed, so "
                            "there is nothing to compare yet.");
  }
  constexpr auto kItems = results::Over::kItems;
  return written(results::comparison_table(summary, comparisons, kItems), format,
                 results::comparison_json(summary, comparisons, kItems));
}

Result<std::string> efficiency_text(const RunView& run, TableFormat format) {
  const results::Summary summary = results::summarise(run);
  const auto tables = results::efficiency_tables(summary);
  if (tables.front().rows.empty()) {
    return invalid_argument("run '" + run.name +
                            "' has no complete cell of an adapter with a rank yet.");
  }
  if (format == TableFormat::kLatex) return results::latex(tables);
  if (format == TableFormat::kJson) return results::efficiency_json(summary);
  std::string text;
  for (const results::Table& table : tables) {
    const auto one = written(table, format, "");
    if (!one) return one.error();
    text += (text.empty() ? "" : "\n") + *one;
  }
  return text;
}

std::string terminal_table(const RunView& run, int columns) {
  return results::terminal(results::build_table(results::summary_of(run)), columns);
}

std::string trace_text(const RunView& run, TableFormat format) {
  if (format == TableFormat::kCsv) return results::trace_csv(run);
  const results::Table table = results::trace_table(run);
  // A folder that is cut names nothing, so these lines may be wider than a terminal.
  constexpr int kWide = 240;
  if (format == TableFormat::kTerminal) return results::terminal(table, kWide);
  return *written(table, format, results::trace_json(run));  // Every other format has a writer.
}

}  // namespace plateau
