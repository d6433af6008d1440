// What a search needs of a run: its own decisions, and how its trials do.
#include <utility>

#include "coordinator/store/sqlite_store.h"

namespace plateau {
namespace {

Status read_values(Statement& metrics, EvaluatedTrial& trial, const std::string& metric) {
  metrics.bind(1, trial.trial.value).bind(2, metric);
  for (;;) {
    Result<bool> more = metrics.step();
    if (!more) return more.error();
    if (!*more) return {};
    trial.values.emplace_back(metrics.integer(0), metrics.real(1));
  }
}

}  // namespace

Result<std::vector<ProposalText>> read_proposals(Database& database) {
  Result<Statement> rows =
      database.prepare("SELECT space, point_json, values_json, reason FROM proposals ORDER BY id");
  if (!rows) return rows.error();
  std::vector<ProposalText> proposals;
  for (;;) {
    Result<bool> more = rows->step();
    if (!more) return more.error();
    if (!*more) return proposals;
    proposals.push_back({rows->text(0), rows->text(1), rows->text(2), rows->text(3)});
  }
}

Result<std::vector<EvaluatedTrial>> read_evaluations(Database& database,
                                                     const std::string& metric) {
  Result<Statement> rows = database.prepare(
      "SELECT t.id, t.state, coalesce(r.result_json, ''), t.key FROM trials t "
      "LEFT JOIN results r ON r.trial = t.id WHERE t.in_sweep = 1 ORDER BY t.id");
  if (!rows) return rows.error();
  Result<Statement> metrics = database.prepare(
      "SELECT step, value FROM metrics WHERE trial = ?1 AND split = 'validation' AND name = ?2 "
      "AND value IS NOT NULL ORDER BY attempt, step");
  if (!metrics) return metrics.error();
  std::vector<EvaluatedTrial> trials;
  for (;;) {
    Result<bool> more = rows->step();
    if (!more) return more.error();
    if (!*more) return trials;
    EvaluatedTrial trial;
    trial.trial = TrialId{rows->integer(0)};
    const std::optional<TrialStatus> status = trial_status_from(rows->text(1));
    if (!status) return corrupt("a trial has the unknown state " + rows->text(1));
    trial.status = *status;
    trial.result_json = rows->text(2);
    trial.key = rows->text(3);
    if (Status read = read_values(*metrics, trial, metric); !read) return read.error();
    trials.push_back(std::move(trial));
  }
}

}  // namespace plateau
