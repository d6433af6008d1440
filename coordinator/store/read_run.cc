// results_view.h over the run's database: read-only, also while a coordinator writes.
#include <limits>
#include <map>

#include "coordinator/store/results_view.h"
#include "coordinator/store/run_status.h"
#include "coordinator/store/sqlite_store.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

Error damaged(const std::string& what, const Error& cause) {
  return corrupt(what + " in the run's database cannot be read: " + cause.message);
}

// A result is what a trainer wrote: fields that are missing or of another type stay at 0.
std::int64_t integer_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number()) return 0;
  return found->is_number_float() ? static_cast<std::int64_t>(found->get<double>())
                                  : found->get<std::int64_t>();
}
double real_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() || !found->is_number() ? 0.0 : found->get<double>();
}
std::string text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() || !found->is_string() ? "" : found->get<std::string>();
}

void fill_result(const std::string& result_json, TrialRow& row) {
  const Json result = Json::parse(result_json, nullptr, /*allow_exceptions=*/false);
  if (!result.is_object()) return;
  const Json empty = Json::object();
  const auto parameters = result.contains("parameters") ? result["parameters"] : empty;
  if (parameters.is_object()) {
    row.adapter_parameters = integer_at(parameters, "adapter");
    row.head_parameters = integer_at(parameters, "head");
    row.base_parameters = integer_at(parameters, "base");
  }
  row.train_seconds = real_at(result, "train_seconds");
  row.train_tokens = integer_at(result, "train_tokens");
  row.peak_memory_bytes = integer_at(result, "peak_memory_bytes");
  row.adapter_bytes = integer_at(result, "adapter_bytes");
  row.base_bytes = integer_at(result, "base_bytes");
  row.device_name = text_at(result, "device_name");
  row.torch_version = text_at(result, "torch");
  const std::int64_t steps = integer_at(result, "steps");
  for (const Json& metric : result.value("metrics", Json::array())) {
    if (!metric.is_object()) continue;
    const std::int64_t step = metric.contains("step") ? integer_at(metric, "step") : steps;
    row.metrics.push_back(
        {text_at(metric, "split"), text_at(metric, "name"), step, real_at(metric, "value")});
  }
  for (const Json& note : result.value("notes", Json::array())) {
    if (note.is_string()) row.notes.push_back(note.get<std::string>());
  }
}

// The metrics that led to the trial's end: those of the last attempt, and of each attempt before it
// up to the step at which the next one went on.
class Curves {
 public:
  static Result<Curves> prepare(Database& database) {
    Result<Statement> attempts = database.prepare(
        "SELECT attempt, start_step FROM attempts WHERE trial = ?1 AND started_ms > 0 "
        "ORDER BY attempt DESC");
    if (!attempts) return attempts.error();
    Result<Statement> metrics = database.prepare(
        "SELECT split, name, step, value FROM metrics WHERE trial = ?1 AND attempt = ?2 AND "
        "step <= ?3 ORDER BY step, split, name");
    if (!metrics) return metrics.error();
    return Curves(std::move(*attempts), std::move(*metrics));
  }

  Status fill(TrialRow& row) {
    std::int64_t last_step = std::numeric_limits<std::int64_t>::max();
    attempts_.bind(1, row.id.value);
    for (;;) {
      Result<bool> more = attempts_.step();
      if (!more) return more.error();
      if (!*more) return {};
      if (last_step == 0) continue;  // The later attempt began anew: this one left no trace.
      std::vector<MetricValue> part;
      if (Status done = read(row.id, attempts_.integer(0), last_step, part); !done) return done;
      row.curve.insert(row.curve.begin(), part.begin(), part.end());
      last_step = attempts_.integer(1);
    }
  }

 private:
  Curves(Statement attempts, Statement metrics)
      : attempts_(std::move(attempts)), metrics_(std::move(metrics)) {}

  Status read(TrialId trial, std::int64_t attempt, std::int64_t last_step,
              std::vector<MetricValue>& into) {
    metrics_.bind(1, trial.value).bind(2, attempt).bind(3, last_step);
    for (;;) {
      Result<bool> more = metrics_.step();
      if (!more) return more.error();
      if (!*more) return {};
      into.push_back({metrics_.text(0), metrics_.text(1), metrics_.integer(2), metrics_.real(3)});
    }
  }

  Statement attempts_;
  Statement metrics_;
};

Result<TrialRow> row_of(const Statement& row, TrialSharer& sharer) {
  TrialRow trial;
  trial.id = TrialId{row.integer(0)};
  trial.key = row.text(1);
  trial.cell = row.text(2);
  trial.label = row.text(3);
  trial.folder = row.text(4);
  const Json json = Json::parse(row.text(5), nullptr, /*allow_exceptions=*/false);
  Result<Trial> parsed = trial_from_json(json);
  if (!parsed) return damaged("trial " + trial.label, parsed.error());
  trial.trial = sharer.share(*parsed);
  trial.is_baseline = row.integer(6) != 0;
  const std::optional<TrialStatus> status = trial_status_from(row.text(7));
  if (!status) return corrupt("trial " + trial.label + " has the unknown state " + row.text(7));
  trial.state = state_of(*status);
  trial.reason = row.text(8);
  trial.attempts = row.integer(9);
  if (!row.is_null(10)) fill_result(row.text(10), trial);
  // A diverged trial says why in its last attempt.
  if (trial.state == TrialState::kDiverged) trial.reason = row.text(11);
  return trial;
}

Result<std::vector<TrialRow>> read_rows(Database& database) {
  Result<Curves> curves = Curves::prepare(database);
  if (!curves) return curves.error();
  Result<Statement> rows = database.prepare(
      "SELECT t.id, t.key, t.cell, t.label, t.folder, j.json, t.is_baseline, t.state, t.reason, "
      "(SELECT count(*) FROM attempts a WHERE a.trial = t.id), r.result_json, "
      "(SELECT a.message FROM attempts a WHERE a.trial = t.id ORDER BY a.attempt DESC LIMIT 1) "
      "FROM trials t JOIN trial_json j ON j.trial = t.id LEFT JOIN results r ON r.trial = t.id "
      "WHERE t.in_sweep = 1 ORDER BY t.id");
  if (!rows) return rows.error();
  TrialSharer sharer;
  std::vector<TrialRow> trials;
  for (;;) {
    Result<bool> more = rows->step();
    if (!more) return more.error();
    if (!*more) return trials;
    Result<TrialRow> trial = row_of(*rows, sharer);
    if (!trial) return trial.error();
    if (trial->state == TrialState::kFinished || trial->state == TrialState::kDiverged) {
      if (Status filled = curves->fill(*trial); !filled) return filled.error();
    }
    trials.push_back(std::move(*trial));
  }
}

// The table is missing where no coordinator has looked since it came to be.
Status read_origins(Database& database, std::vector<TrialRow>& trials) {
  Result<std::int64_t> there =
      database.integer("SELECT count(*) FROM sqlite_master WHERE name = 'reused'");
  if (!there) return there.error();
  if (*there == 0) return {};
  Result<Statement> rows = database.prepare("SELECT trial, run, folder, source_trial FROM reused");
  if (!rows) return rows.error();
  std::map<TrialId, std::string> origins;
  for (;;) {
    Result<bool> more = rows->step();
    if (!more) return more.error();
    if (!*more) break;
    origins[TrialId{rows->integer(0)}] = "trial " + std::to_string(rows->integer(3)) +
                                         " of the run " + rows->text(1) + " (" + rows->text(2) +
                                         ")";
  }
  for (TrialRow& trial : trials) {
    const auto found = origins.find(trial.id);
    if (found != origins.end()) trial.reused_from = found->second;
  }
  return {};
}

}  // namespace

TrialState state_of(TrialStatus status) {
  switch (status) {
    case TrialStatus::kQueued:
      return TrialState::kQueued;
    case TrialStatus::kAssigned:
    case TrialStatus::kRunning:
      return TrialState::kRunning;
    case TrialStatus::kFinished:
      return TrialState::kFinished;
    case TrialStatus::kDiverged:
      return TrialState::kDiverged;
    case TrialStatus::kFailed:
      return TrialState::kFailed;
    case TrialStatus::kStopped:
      break;
  }
  return TrialState::kStopped;
}

std::string to_string(TrialState state) {
  switch (state) {
    case TrialState::kQueued:
      return "queued";
    case TrialState::kRunning:
      return "running";
    case TrialState::kFinished:
      return "finished";
    case TrialState::kDiverged:
      return "diverged";
    case TrialState::kFailed:
      return "failed";
    case TrialState::kStopped:
      break;
  }
  return "stopped";
}

Result<RunView> read_run(const std::filesystem::path& run_folder) {
  Result<Database> database = open_run_database(run_folder, Database::Mode::kReadOnly);
  if (!database) return database.error();
  // One snapshot: what a coordinator commits meanwhile is not half in view.
  if (Status begun = database->execute("BEGIN"); !begun) return begun.error();
  RunView view;
  Result<Statement> meta = database->prepare("SELECT key, value FROM meta");
  if (!meta) return meta.error();
  std::map<std::string, std::string> values;
  for (;;) {
    Result<bool> more = meta->step();
    if (!more) return more.error();
    if (!*more) break;
    values[meta->text(0)] = meta->text(1);
  }
  view.name = values["name"];
  view.program_version = values["program_version"];
  view.sweep_yaml = values["sweep_yaml"];
  view.sweep_report = Json::parse(values["sweep_report"], nullptr, /*allow_exceptions=*/false);
  if (view.sweep_report.is_discarded()) view.sweep_report = nullptr;
  Result<std::vector<TrialRow>> rows = read_rows(*database);
  if (!rows) return rows.error();
  view.trials = std::move(*rows);
  if (Status s = read_origins(*database, view.trials); !s) return s.error();
  return view;
}

}  // namespace plateau
