// The end of a run: the table and the figure that go into the paper.
//
// The same RunView gives the same bytes, whatever the machine's locale, time or home folder; the
// notes say of a base or task what the catalogue says of the entry with the same checksum.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/plateau_report.h"
#include "coordinator/results/table_spec.h"
#include "coordinator/store/results_view.h"

namespace plateau {

struct ResultFiles {
  // As written, in this order: NAME.md and NAME.tex of every table of the sweep's `report` ("table"
  // where it names none), table.csv, rank.svg and rank.pdf (absent from the list when the run has
  // no adapter with a rank, no finished trial of one, or more lines than anybody could read).
  std::vector<std::filesystem::path> paths;
  std::string left_out;  // a figure that nobody could read; empty: none
};

// Writes run_folder/results/, each file atomically, and removes what an earlier call has written
// there under a name that this one leaves out. Blocks. Works at any moment of a run: cells
// that are not finished are shown as such. kIo names the file and the cause; kInvalidArgument says
// what is wrong with the `report` section. A table that cannot be made of this run (a filter that
// fits nothing) has a NAME.md that says why, and no NAME.tex.
Result<ResultFiles> write_results(const RunView& run, const std::filesystem::path& run_folder);

enum class TableFormat { kTerminal, kMarkdown, kLatex, kCsv, kJson, kParquet };

// "terminal", "md", "tex", "csv", "json", "parquet": for --format. Parquet is for table_text alone
// and needs a component (parquet/parquet.h).
const std::vector<std::pair<std::string, TableFormat>>& table_formats();

// A piece of text for one file: "main" and its bytes, which end with a newline.
struct NamedText {
  std::string name;
  std::string text;
};

// The run's tables, one text each. kInvalidArgument: what results::build_table refuses, a metric
// that no finished trial has, a filter that fits nothing.
Result<std::vector<NamedText>> table_texts(const RunView& run,
                                           const std::vector<results::TableSpec>& specs,
                                           TableFormat format);
// All of them in one text: LaTeX is one document, JSON one array where there are several, Parquet
// one file whose first column names the table.
Result<std::string> table_text(const RunView& run, const std::vector<results::TableSpec>& specs,
                               TableFormat format);
// The table with every default.
std::string table_text(const RunView& run, TableFormat format);

// The plateau test's answers; `format` is not kCsv. The margin is in the unit that tables print.
struct PlateauRequest {
  double margin = 0.0;         // > 0
  double alpha = 0.05;         // in (0, 0.5)
  std::string reference = {};  // a method ("full"); empty: the largest rank
  bool keep_collapsed = false;
};
// kInvalidArgument: margin or alpha out of range.
Result<results::PlateauOptions> plateau_options(const PlateauRequest& request);
// kInvalidArgument: margin or alpha out of range, kCsv, or no adapter with two ranks.
Result<std::string> plateau_text(const RunView& run, const PlateauRequest& request,
                                 TableFormat format);

// Adapters against each other, paired by base, task and seed. kInvalidArgument: kCsv, or no two
// adapters that share a rank and a seed.
Result<std::string> comparison_text(const RunView& run, TableFormat format);

// The same paired by test item, from the predictions in the run folder (blocks). kNotFound: no
// predictions there; kCorrupt names file and line.
Result<std::string> item_comparison_text(const RunView& run,
                                         const std::filesystem::path& run_folder,
                                         TableFormat format);

// Metric against trainable parameters: Pareto front and ratios at equal metric. kInvalidArgument:
// kCsv, or no complete cell of an adapter with a rank.
Result<std::string> efficiency_text(const RunView& run, TableFormat format);

// The trials and attempts behind every cell.
std::string trace_text(const RunView& run, TableFormat format);

enum class FigureKind { kRank, kPareto, kCurves, kBox, kHeatmap, kCriticalDifference };
// "rank", "pareto", "curves", "box", "heatmap", "critical-difference": for --kind.
const std::vector<std::pair<std::string, FigureKind>>& figure_kinds();

enum class FigureFormat { kSvg, kPdf, kPgfPlots, kTikz };
// "svg", "pdf", "tex" (PGFPlots axes with coordinates, in the paper's fonts and open to its styles;
// a heatmap and a critical difference, which are no plots, as TikZ), "tikz" (the shapes of the SVG
// with the paper's fonts): for --format.
const std::vector<std::pair<std::string, FigureFormat>>& figure_formats();

// Points for --width: "one" and "two" columns of a two-column paper, or a number; 0: the figure
// chooses. kInvalidArgument: anything else.
Result<double> figure_width(const std::string& text);

// A picture, `width` points wide (0: 360 for one panel, 504 for several). kInvalidArgument: a width
// under 200 or over 2000; kNotFound: nothing is finished that this figure could show.
Result<results::Drawing> figure_drawing(const RunView& run, FigureKind kind, double width);
Result<std::string> figure_bytes(const RunView& run, FigureKind kind, FigureFormat format,
                                 double width);

// One HTML page that needs no other file and no network: the tables that the sweep's `report` asks
// for, the statistics, every figure that the run has, trials that have no result and why, versions,
// hardware and the sweep file. Names and the sweep file cannot become markup, and the page forbids
// scripts and loading. The plateau test is in it where `plateau` gives a margin. kInvalidArgument:
// what is wrong with the `report` section or the request.
Result<std::string> report_html(const RunView& run, const std::optional<PlateauRequest>& plateau);

// The table with its notes for a terminal: UTF-8, no colours, no line over `columns` characters
// (at least 60), ends with a newline.
std::string terminal_table(const RunView& run, int columns = 100);

}  // namespace plateau
