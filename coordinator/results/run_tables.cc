#include "coordinator/results/run_tables.h"

#include <set>

#include "common/base/text.h"
#include "coordinator/results/catalogue_notes.h"
#include "coordinator/results/dimensions.h"

namespace plateau::results {
namespace {

// A metric or split that was never measured is a typing error, not a table of dashes.
Status check_measured(const RunView& run, const TableSpec& spec) {
  std::set<std::string> there;
  for (const TrialRow& row : run.trials) {
    for (const MetricValue& metric : row.metrics) {
      const bool asked =
          spec.metric.empty() ? metric.name == row.trial.task->metric : metric.name == spec.metric;
      if (asked && metric.split == spec.split) return {};
      there.insert(metric.name + " on " + metric.split);
    }
  }
  // Nothing is finished: the default table says so row by row.
  if (there.empty()) return {};
  return invalid_argument("no finished trial of run '" + run.name + "' has " +
                          (spec.metric.empty() ? "its task's metric" : "'" + spec.metric + "'") +
                          " on the " + spec.split + " split; there are " +
                          join({there.begin(), there.end()}, ", ") + ".");
}

}  // namespace

Summary summary_of(const RunView& run, const SummaryOptions& options) {
  Summary summary = summarise(run, options);
  if (const auto catalogue = Catalogue::load()) {
    add_catalogue_notes(*catalogue, summary);
  }
  return summary;
}

namespace {

Result<Summary> measured_summary(const RunView& run, const TableSpec& spec) {
  if (Status status = check_measured(run, spec); !status) return status.error();
  return summary_of(run, {spec.metric, spec.split});
}

}  // namespace

Result<Summary> summary_for(const RunView& run, const TableSpec& spec) {
  if (spec.where.empty() && !run.trials.empty()) return measured_summary(run, spec);
  const auto part = filtered(run, spec.where);
  if (!part) return part.error();
  return measured_summary(*part, spec);
}

Result<std::vector<Table>> tables_of(const RunView& run, const std::vector<TableSpec>& specs) {
  std::vector<Table> tables;
  for (const TableSpec& spec : specs) {
    const auto summary = summary_for(run, spec);
    if (!summary) return summary.error();
    auto table = build_table(*summary, spec);
    if (!table) return table.error();
    tables.push_back(std::move(*table));
  }
  return tables;
}

}  // namespace plateau::results
