// Out of an index of states.
#include "coordinator/store/run_status.h"
#include "coordinator/store/sqlite_store.h"

namespace plateau {
namespace {

Result<TrialState> state_of_word(const std::string& word) {
  const std::optional<TrialStatus> status = trial_status_from(word);
  if (!status) return corrupt("the run's database has the unknown state " + word);
  return state_of(*status);
}

Status read_counts(Database& database, RunStatus& status) {
  Result<Statement> rows = database.prepare(
      "SELECT state, count(*) FROM trials WHERE in_sweep = 1 GROUP BY state ORDER BY state");
  if (!rows) return rows.error();
  for (;;) {
    Result<bool> more = rows->step();
    if (!more) return more.error();
    if (!*more) return {};
    const Result<TrialState> state = state_of_word(rows->text(0));
    if (!state) return state.error();
    status.counts[*state] += rows->integer(1);
  }
}

Status read_running_and_failed(Database& database, RunStatus& status) {
  Result<Statement> rows = database.prepare(
      "SELECT t.id, t.label, t.state, t.reason, "
      "(SELECT count(*) FROM attempts a WHERE a.trial = t.id) FROM trials t "
      "WHERE t.in_sweep = 1 AND t.state IN ('assigned', 'running', 'failed') ORDER BY t.id");
  if (!rows) return rows.error();
  for (;;) {
    Result<bool> more = rows->step();
    if (!more) return more.error();
    if (!*more) return {};
    const Result<TrialState> state = state_of_word(rows->text(2));
    if (!state) return state.error();
    status.running_and_failed.push_back(
        {TrialId{rows->integer(0)}, rows->text(1), *state, rows->integer(4), rows->text(3)});
  }
}

}  // namespace

Result<RunStatus> read_status(const std::filesystem::path& run_folder) {
  Result<Database> database = open_run_database(run_folder, Database::Mode::kReadOnly);
  if (!database) return database.error();
  // One snapshot, as in read_run().
  if (Status begun = database->execute("BEGIN"); !begun) return begun.error();
  RunStatus status;
  Result<std::string> name = database->text("SELECT value FROM meta WHERE key = 'name'");
  if (!name) return name.error();
  status.name = *name;
  if (Status read = read_counts(*database, status); !read) return read.error();
  if (Status read = read_running_and_failed(*database, status); !read) return read.error();
  return status;
}

Result<std::set<std::string>> read_done_keys(const std::filesystem::path& run_folder) {
  Result<Database> database = open_run_database(run_folder, Database::Mode::kReadOnly);
  if (!database) return database.error();
  Result<Statement> rows =
      database->prepare("SELECT key FROM trials WHERE state IN ('finished', 'diverged')");
  if (!rows) return rows.error();
  std::set<std::string> keys;
  for (;;) {
    Result<bool> more = rows->step();
    if (!more) return more.error();
    if (!*more) return keys;
    keys.insert(rows->text(0));
  }
}

}  // namespace plateau
