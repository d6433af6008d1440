#include "coordinator/results/results.h"

#include "common/base/file.h"
#include "coordinator/results/catalogue_notes.h"
#include "coordinator/results/cells.h"
#include "coordinator/results/figure/rank_figure.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"

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

std::string terminal_table(const RunView& run, int columns) {
  return results::terminal(results::build_table(summary_of(run)), columns);
}

}  // namespace plateau
