#include "coordinator/store/sqlite_store.h"

#include <map>
#include <utility>

#include "common/spec/trial_keys.h"
#include "coordinator/store/new_trials.h"
#include "coordinator/store/schema.h"

namespace plateau {
namespace {

class SqliteStore : public Store {
 public:
  SqliteStore(Database database, RecordStatements statements, Statement trial_text)
      : database_(std::move(database)),
        statements_(std::move(statements)),
        trial_text_(std::move(trial_text)) {}

  Result<PutSweep> put_sweep(const SweepText& sweep, const std::vector<NewTrial>& trials,
                             TimeMs wall_ms) override;
  Status commit(const std::vector<Record>& batch, TimeMs wall_ms) override;
  Result<event::Restored> restore(TimeMs wall_ms) override {
    return read_restored(database_, wall_ms);
  }
  Result<TrialText> trial_text(TrialId trial) override;

 private:
  Status in_transaction(const auto& body);
  Status begin_reading();
  Status end_reading();
  Status put_meta(const char* key, std::string_view value);
  Result<PutSweep> put_trials(const std::vector<NewTrial>& trials);
  Result<std::map<std::string, std::int64_t>> cell_sizes();

  // Declared first, destroyed last: statements must not outlive it.
  Database database_;
  RecordStatements statements_;
  Statement trial_text_;
  bool reading_ = false;
};

// Texts are asked for by the hundred after a commit: one read transaction saves the locks of each.
// Nobody else writes, so what it sees is never old.
Status SqliteStore::begin_reading() {
  if (reading_) return {};
  Status begun = database_.execute("BEGIN");
  reading_ = begun.ok();
  return begun;
}

Status SqliteStore::end_reading() {
  if (!std::exchange(reading_, false)) return {};
  return database_.execute("COMMIT");
}

Status SqliteStore::in_transaction(const auto& body) {
  if (Status ended = end_reading(); !ended) return ended;
  if (Status begun = database_.execute("BEGIN IMMEDIATE"); !begun) return begun;
  Status done = body();
  if (done) done = database_.execute("COMMIT");
  // SQLite has rolled some failures back by itself; then this says so and changes nothing.
  if (!done) (void)database_.execute("ROLLBACK");
  return done;
}

Status SqliteStore::commit(const std::vector<Record>& batch, TimeMs wall_ms) {
  if (batch.empty()) return {};
  // A group acknowledges a session many times; the last one is the one to keep.
  std::map<SessionId, const Record*> sessions;
  for (const Record& record : batch) {
    if (const auto* session = std::get_if<record::Session>(&record)) {
      sessions[session->session] = &record;
    }
  }
  return in_transaction([&]() -> Status {
    for (const Record& record : batch) {
      if (std::holds_alternative<record::Session>(record)) continue;
      if (Status written = write_record(statements_, record, wall_ms); !written) return written;
    }
    for (const auto& [session, record] : sessions) {
      if (Status written = write_record(statements_, *record, wall_ms); !written) return written;
    }
    return {};
  });
}

Status SqliteStore::put_meta(const char* key, std::string_view value) {
  Result<Statement> put =
      database_.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)");
  if (!put) return put.error();
  return put->bind(1, std::string_view(key)).bind(2, value).run();
}

Result<PutSweep> SqliteStore::put_sweep(const SweepText& sweep, const std::vector<NewTrial>& trials,
                                        TimeMs wall_ms) {
  // Keys are random: without room for their index a large sweep would write its pages many times.
  if (Status more = database_.execute("PRAGMA cache_size = -65536"); !more) return more.error();
  PutSweep put;
  const Status done = in_transaction([&]() -> Status {
    if (Status meta = put_meta("sweep_yaml", sweep.yaml); !meta) return meta;
    if (Status meta = put_meta("sweep_report", sweep.report_json); !meta) return meta;
    if (Status meta = put_meta("updated_ms", std::to_string(wall_ms)); !meta) return meta;
    Result<PutSweep> trials_put = put_trials(trials);
    if (!trials_put) return trials_put.error();
    put = *trials_put;
    return {};
  });
  (void)database_.execute("PRAGMA cache_size = -8192; PRAGMA shrink_memory");
  if (!done) return done.error();
  return put;
}

Result<std::map<std::string, std::int64_t>> SqliteStore::cell_sizes() {
  Result<Statement> rows = database_.prepare("SELECT cell, count(*) FROM trials GROUP BY cell");
  if (!rows) return rows.error();
  std::map<std::string, std::int64_t> sizes;
  for (;;) {
    Result<bool> row = rows->step();
    if (!row) return row.error();
    if (!*row) return sizes;
    sizes[rows->text(0)] = rows->integer(1);
  }
}

Result<PutSweep> SqliteStore::put_trials(const std::vector<NewTrial>& trials) {
  if (Status left = database_.execute("UPDATE trials SET in_sweep = 0"); !left) return left.error();
  auto sizes = cell_sizes();
  if (!sizes) return sizes.error();
  Result<std::int64_t> last_id = database_.integer("SELECT coalesce(max(id), 0) FROM trials");
  if (!last_id) return last_id.error();
  Result<Statement> known = database_.prepare("SELECT id, state FROM trials WHERE key = ?1");
  if (!known) return known.error();
  // Equal keys mean equal numbers; what else the trial says (paths, budgets) is the newest.
  Result<Statement> keep = database_.prepare(
      "UPDATE trials SET in_sweep = 1, json = ?2, expected_ms = ?3, alone = ?4, "
      "micro_batch_size = ?5 WHERE id = ?1");
  if (!keep) return keep.error();
  Result<Statement> add = database_.prepare(
      "INSERT INTO trials (id, key, cell, label, folder, json, is_baseline, in_sweep, round, "
      "sharing_group, expected_ms, alone, batch_size, micro_batch_size, state) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?11, ?12, ?13, 'queued')");
  if (!add) return add.error();

  PutSweep put;
  for (const NewTrial& each : trials) {
    const TrialKeys keys = trial_keys(each.trial);
    const TrialText text = text_of(each.trial, keys.trial);
    Result<bool> found = known->bind(1, text.key).step();
    if (!found) return found.error();
    if (*found) {
      const std::int64_t id = known->integer(0);
      const std::string state = known->text(1);
      if (Result<bool> end = known->step(); !end) return end.error();
      ++put.kept;
      if (state == "finished" || state == "diverged") ++put.finished;
      keep->bind(1, id).bind(2, text.json).bind(3, each.expected_ms);
      keep->bind(4, std::int64_t{each.alone}).bind(5, each.trial.micro_batch_size);
      if (Status kept = keep->run(); !kept) return kept.error();
      continue;
    }
    const std::string& cell = keys.cell;
    const TrialFacts facts = facts_of(each, TrialId{++*last_id}, (*sizes)[cell]++);
    add->bind(1, facts.id.value).bind(2, text.key).bind(3, cell).bind(4, text.label);
    add->bind(5, text.folder).bind(6, text.json).bind(7, std::int64_t{each.is_baseline});
    add->bind(8, facts.round).bind(9, facts.group).bind(10, facts.expected_ms);
    add->bind(11, std::int64_t{facts.alone}).bind(12, facts.batch_size);
    add->bind(13, facts.micro_batch_size);
    if (Status added = add->run(); !added) return added.error();
    ++put.added;
  }
  Status again = database_.execute(
      "UPDATE trials SET state = 'queued', reason = '', charged = 0, retry_alone = 0, "
      "retry_pack_cap = 0, retry_micro_batch_size = 0, retry_avoid_node = '' "
      "WHERE state = 'failed' AND in_sweep = 1");
  if (!again) return again.error();
  return put;
}

Result<TrialText> SqliteStore::trial_text(TrialId trial) {
  if (Status begun = begin_reading(); !begun) return begun.error();
  Result<bool> found = trial_text_.bind(1, trial.value).step();
  if (!found) return found.error();
  if (!*found) {
    return not_found("the run has no trial " + std::to_string(trial.value));
  }
  TrialText text{trial_text_.text(0), trial_text_.text(1), trial_text_.text(2),
                 trial_text_.text(3)};
  if (Result<bool> end = trial_text_.step(); !end) return end.error();
  return text;
}

Status put_identity(Database& database, const RunIdentity& identity) {
  Result<Statement> put = database.prepare(
      "INSERT OR REPLACE INTO meta (key, value) VALUES ('name', ?1), ('program_version', ?2)");
  if (!put) return put.error();
  return put->bind(1, identity.name).bind(2, identity.program_version).run();
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const std::filesystem::path& run_folder,
                                          const RunIdentity& identity) {
  Result<Database> database =
      open_run_database(run_folder, Database::Mode::kReadWrite, identity.busy_timeout_ms);
  if (!database) return database.error();
  if (Status put = put_identity(*database, identity); !put) return put.error();
  Result<RecordStatements> statements = RecordStatements::prepare(*database);
  if (!statements) return statements.error();
  Result<Statement> trial_text =
      database->prepare("SELECT json, key, label, folder FROM trials WHERE id = ?1");
  if (!trial_text) return trial_text.error();
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(
      std::move(*database), std::move(*statements), std::move(*trial_text)));
}

}  // namespace plateau
