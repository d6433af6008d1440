// The whole of a run on one page.
#include <map>

#include "common/base/text.h"
#include "coordinator/results/comparison.h"
#include "coordinator/results/efficiency.h"
#include "coordinator/results/escape.h"
#include "coordinator/results/html.h"
#include "coordinator/results/plateau_report.h"
#include "coordinator/results/results.h"
#include "coordinator/results/run_tables.h"

namespace plateau {
namespace {

using results::escape_xml;
using results::Table;

std::string section(const std::string& title, const std::string& body) {
  return "<h2>" + escape_xml(title) + "</h2>\n" + body;
}

std::string sentence(const std::string& text) {
  return "<p>" + escape_xml(text) + "</p>\n";
}

std::string overview(const RunView& run) {
  std::map<std::string, std::size_t> states;
  for (const TrialRow& row : run.trials)
    ++states[results::state_word(row.state)];
  std::string text = std::to_string(run.trials.size()) + " trials";
  for (const auto& [state, count] : states)
    text += (state == states.begin()->first ? ": " : ", ") + std::to_string(count) + " " + state;
  return sentence(text + ".");
}

// A table that cannot be made of this run says why; the rest of the page is worth having.
std::string tables(const RunView& run, const std::vector<results::TableSpec>& specs) {
  std::string text;
  for (const results::TableSpec& spec : specs) {
    const auto made = results::tables_of(run, {spec});
    text += made ? results::html(made->front())
                 : sentence("Table " + spec.name + " could not be made: " + made.error().message);
  }
  return text;
}

std::string figures(const RunView& run) {
  std::string text;
  for (const auto& [name, kind] : figure_kinds()) {
    const auto drawing = figure_drawing(run, kind, 0.0);
    text += drawing ? results::html(*drawing)
                    : sentence("No " + name + " figure: " + drawing.error().message);
  }
  return text;
}

Result<std::string> plateau_part(const RunView& run, const results::Summary& summary,
                                 const std::optional<PlateauRequest>& request) {
  if (!request) {
    return sentence(
        "The plateau test is not on this page: it needs a margin that was stated before looking "
        "(--margin, in the unit of the table).");
  }
  const auto options = plateau_options(*request);
  if (!options) return options.error();
  const auto findings = results::find_plateaus(summary, *options);
  if (!findings) return findings.error();
  if (findings->empty()) {
    return sentence("No adapter of " + run.name + " has two ranks: there is no curve to test.");
  }
  return results::html(results::plateau_table(summary, *findings, *options));
}

Result<std::string> tests_of(const RunView& run, const std::optional<PlateauRequest>& request) {
  const results::Summary summary = results::summarise(run);
  auto text = plateau_part(run, summary, request);
  if (!text) return text.error();
  const auto comparisons = results::compare_adapters(summary);
  *text += comparisons.empty()
               ? sentence("No two adapters share a rank and a seed: nothing to compare.")
               : results::html(results::comparison_table(summary, comparisons));
  for (const Table& table : results::efficiency_tables(summary)) {
    if (!table.rows.empty()) *text += results::html(table);
  }
  return std::move(*text);
}

// Trials without a result, with the reason: nothing that was run is left off the page.
std::string without_result(const RunView& run) {
  Table table;
  table.title = "Trials without a result.";
  table.columns = {{"Trial", true}, {"Label"}, {"State"}, {"Attempts", true}, {"Reason"}};
  for (const TrialRow& row : run.trials) {
    if (row.state == TrialState::kFinished) continue;
    table.rows.push_back({{{std::to_string(row.id.value)},
                           {row.label},
                           {results::state_word(row.state)},
                           {std::to_string(row.attempts)},
                           {row.reason}}});
  }
  return table.rows.empty() ? sentence("Every trial has one.") : results::html(table);
}

std::string origins(const RunView& run, const results::Summary& summary) {
  Table table;
  table.title = "What the numbers were made with.";
  table.columns = {{"What"}, {"Name"}, {"SHA-256"}};
  table.rows.push_back({{{"Plateau"}, {run.program_version}, {""}}});
  for (const std::string& version : summary.torch_versions)
    table.rows.push_back({{{"LibTorch"}, {version}, {""}}});
  for (const std::string& device : summary.device_names)
    table.rows.push_back({{{"Device"}, {device}, {""}}});
  for (const results::BaseSummary& base : summary.bases)
    table.rows.push_back({{{"Base"}, {base.name}, {base.sha256}}});
  for (const results::TaskSummary& task : summary.tasks)
    table.rows.push_back({{{"Task"}, {task.name}, {task.spec.sha256}}});
  return results::html(table);
}

}  // namespace

Result<std::string> report_html(const RunView& run, const std::optional<PlateauRequest>& plateau) {
  const auto specs = results::table_specs(run.sweep_report);
  if (!specs) return specs.error();
  const auto tests = tests_of(run, plateau);
  if (!tests) return tests.error();
  const std::string title = "Run " + run.name;
  return results::html_page(
      title,
      "<h1>" + escape_xml(title) + "</h1>\n" + overview(run) +
          section("Tables", tables(run, *specs)) + section("Figures", figures(run)) +
          section("Statistics", *tests) + section("Trials without a result", without_result(run)) +
          section("Versions and hardware", origins(run, results::summary_of(run))) +
          section("Sweep file", "<pre>" + results::escape_xml_lines(run.sweep_yaml) + "</pre>\n"));
}

}  // namespace plateau
