#include "coordinator/store/sqlite_store.h"

#include <map>
#include <unordered_map>
#include <utility>

#include "coordinator/store/new_trials.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/trial_writer.h"

namespace plateau {
namespace {

// Empty when there is none of that name.
Result<std::string> read_meta(Database& database, std::string_view key) {
  Result<Statement> row = database.prepare("SELECT value FROM meta WHERE key = ?1");
  if (!row) return row.error();
  const Result<bool> found = row->bind(1, key).step();
  if (!found) return found.error();
  return *found ? row->text(0) : "";
}

class SqliteStore : public Store {
 public:
  SqliteStore(Database database, RecordStatements statements, Statement trial_text)
      : database_(std::move(database)),
        statements_(std::move(statements)),
        trial_text_(std::move(trial_text)) {}

  Result<PutSweep> put_sweep(const SweepText& sweep, const NextTrial& next,
                             TimeMs wall_ms) override;
  Result<std::optional<KnownSweep>> take_up_sweep(const std::string& fingerprint) override;
  Result<std::vector<ProposedTrial>> put_proposal(const ProposalText& proposal,
                                                  const std::vector<NewTrial>& trials,
                                                  TimeMs wall_ms) override;
  Result<std::vector<ProposalText>> proposals() override {
    if (Status ended = end_reading(); !ended) return ended.error();
    return read_proposals(database_);
  }
  Result<std::vector<EvaluatedTrial>> evaluations(const std::string& metric) override {
    if (Status ended = end_reading(); !ended) return ended.error();
    return read_evaluations(database_, metric);
  }
  Status commit(const std::vector<Record>& batch, TimeMs wall_ms) override;
  Result<event::Restored> restore(TimeMs wall_ms) override {
    return read_restored(database_, wall_ms);
  }
  Result<Spent> spent() override;
  Status put_spent(const Spent& spent) override;
  Result<TrialText> trial_text(TrialId trial) override;

 private:
  Status in_transaction(const auto& body);
  Status begin_writing();
  Status begin_reading();
  Status end_reading();
  Status put_meta(const char* key, std::string_view value);
  Status queue_failed_again();
  Result<PutSweep> put_trials(const NextTrial& next);

  // Declared first, destroyed last: statements must not outlive it.
  Database database_;
  RecordStatements statements_;
  Statement trial_text_;
  enum class Open { kNothing, kReading, kWriting };
  Open open_ = Open::kNothing;  // the transaction
};

// Texts are asked for by the hundred after a commit: one read transaction saves the locks of each.
// Nobody else writes, so what it sees is never old.
Status SqliteStore::begin_reading() {
  if (open_ != Open::kNothing) return {};
  Status begun = database_.execute("BEGIN");
  if (begun) open_ = Open::kReading;
  return begun;
}

Status SqliteStore::end_reading() {
  if (open_ != Open::kReading) return {};
  open_ = Open::kNothing;
  return database_.execute("COMMIT");
}

Status SqliteStore::begin_writing() {
  if (open_ == Open::kWriting) return {};
  if (Status ended = end_reading(); !ended) return ended;
  Status begun = database_.execute("BEGIN IMMEDIATE");
  if (begun) open_ = Open::kWriting;
  return begun;
}

Status SqliteStore::in_transaction(const auto& body) {
  if (Status begun = begin_writing(); !begun) return begun;
  Status done = body();
  if (done) done = database_.execute("COMMIT");
  // SQLite has rolled some failures back by itself; then this says so and changes nothing.
  if (!done) (void)database_.execute("ROLLBACK");
  open_ = Open::kNothing;
  return done;
}

Status SqliteStore::commit(const std::vector<Record>& batch, TimeMs wall_ms) {
  if (batch.empty() && open_ != Open::kWriting) return {};
  // A group acknowledges a session many times and moves a trial through several states; the last
  // one of each is the one to keep.
  std::map<SessionId, const Record*> sessions;
  std::unordered_map<std::int64_t, const Record*> states;
  for (const Record& record : batch) {
    if (const auto* session = std::get_if<record::Session>(&record)) {
      sessions[session->session] = &record;
    } else if (const auto* changed = std::get_if<record::TrialChanged>(&record)) {
      states[changed->trial.value] = &record;
    }
  }
  const auto is_outdated = [&](const Record& record) {
    const auto* changed = std::get_if<record::TrialChanged>(&record);
    return changed != nullptr && states.at(changed->trial.value) != &record;
  };
  return in_transaction([&]() -> Status {
    for (const Record& record : batch) {
      if (std::holds_alternative<record::Session>(record) || is_outdated(record)) continue;
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

Result<PutSweep> SqliteStore::put_sweep(const SweepText& sweep, const NextTrial& next,
                                        TimeMs wall_ms) {
  // Keys are random: without room for their index a large sweep would write its pages many times.
  if (Status more = database_.execute("PRAGMA cache_size = -32768"); !more) return more.error();
  PutSweep put;
  const Status done = in_transaction([&]() -> Status {
    if (Status meta = put_meta("sweep_yaml", sweep.yaml); !meta) return meta;
    if (Status meta = put_meta("sweep_report", sweep.report_json); !meta) return meta;
    if (Status meta = put_meta("updated_ms", std::to_string(wall_ms)); !meta) return meta;
    if (Status meta = put_meta("sweep_fingerprint", sweep.fingerprint); !meta) return meta;
    if (Status meta = put_meta("sweep_plan", sweep.plan_json); !meta) return meta;
    Result<PutSweep> trials_put = put_trials(next);
    if (!trials_put) return trials_put.error();
    put = *trials_put;
    return {};
  });
  (void)database_.execute("PRAGMA cache_size = -8192; PRAGMA shrink_memory");
  if (!done) return done.error();
  return put;
}

Result<Spent> SqliteStore::spent() {
  if (Status ended = end_reading(); !ended) return ended.error();
  const auto read = [this](const char* sql) { return database_.integer(sql); };
  const Result<std::int64_t> time =
      read("SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE key = 'spent_time_ms'");
  if (!time) return time.error();
  const Result<std::int64_t> device = read(
      "SELECT coalesce(max(CAST(value AS INTEGER)), 0) FROM meta WHERE key = 'spent_device_ms'");
  if (!device) return device.error();
  return Spent{*time, *device};
}

Status SqliteStore::put_spent(const Spent& spent) {
  return in_transaction([&]() -> Status {
    if (Status s = put_meta("spent_time_ms", std::to_string(spent.time_ms)); !s) return s;
    return put_meta("spent_device_ms", std::to_string(spent.device_ms));
  });
}

Result<PutSweep> SqliteStore::put_trials(const NextTrial& next) {
  if (Status left = database_.execute("UPDATE trials SET in_sweep = 0"); !left) return left.error();
  Result<TrialWriter> writer = TrialWriter::prepare(database_);
  if (!writer) return writer.error();
  PutSweep put;
  while (const std::optional<NewTrial> each = next()) {
    const Result<TrialWriter::Written> written = writer->write(*each);
    if (!written) return written.error();
    const std::string& state = written->known_state;
    ++(state.empty() ? put.added : put.kept);
    if (state == "finished" || state == "diverged") ++put.finished;
  }
  if (Status again = queue_failed_again(); !again) return again.error();
  return put;
}

Status SqliteStore::queue_failed_again() {
  return database_.execute(
      "UPDATE trials SET state = 'queued', reason = '', charged = 0, retry_alone = 0, "
      "retry_pack_cap = 0, retry_micro_batch_size = 0, retry_avoid_node = '' "
      "WHERE state = 'failed' AND in_sweep = 1");
}

Result<std::optional<KnownSweep>> SqliteStore::take_up_sweep(const std::string& fingerprint) {
  std::optional<KnownSweep> known;
  const Status done = in_transaction([&]() -> Status {
    const Result<std::string> stored = read_meta(database_, "sweep_fingerprint");
    if (!stored) return stored.error();
    if (fingerprint.empty() || *stored != fingerprint) return {};
    Result<std::string> plan = read_meta(database_, "sweep_plan");
    if (!plan) return plan.error();
    const Result<std::int64_t> kept =
        database_.integer("SELECT count(*) FROM trials WHERE in_sweep = 1");
    if (!kept) return kept.error();
    const Result<std::int64_t> finished = database_.integer(
        "SELECT count(*) FROM trials WHERE in_sweep = 1 AND state IN ('finished', 'diverged')");
    if (!finished) return finished.error();
    known = KnownSweep{{0, *kept, *finished}, std::move(*plan)};
    return queue_failed_again();
  });
  if (!done) return done.error();
  return known;
}

Result<std::vector<ProposedTrial>> SqliteStore::put_proposal(const ProposalText& proposal,
                                                             const std::vector<NewTrial>& trials,
                                                             TimeMs wall_ms) {
  std::vector<ProposedTrial> proposed;
  const auto put = [&]() -> Status {
    Result<Statement> log = database_.prepare(
        "INSERT INTO proposals (wall_ms, space, point_json, values_json, reason) "
        "VALUES (?1, ?2, ?3, ?4, ?5)");
    if (!log) return log.error();
    log->bind(1, wall_ms).bind(2, proposal.space).bind(3, proposal.point_json);
    log->bind(4, proposal.values_json).bind(5, proposal.reason);
    if (Status logged = log->run(); !logged) return logged;
    Result<TrialWriter> writer = TrialWriter::prepare(database_);
    if (!writer) return writer.error();
    for (const NewTrial& each : trials) {
      const Result<TrialWriter::Written> written = writer->write(each);
      if (!written) return written.error();
      proposed.push_back({written->facts, written->known_state.empty()});
    }
    return {};
  };
  if (Status begun = begin_writing(); !begun) return begun.error();
  if (const Status done = put(); !done) {
    (void)database_.execute("ROLLBACK");
    open_ = Open::kNothing;
    return done.error();
  }
  return proposed;
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

std::string stored_fingerprint(const std::filesystem::path& run_folder) {
  Result<Database> database = open_run_database(run_folder, Database::Mode::kReadOnly);
  if (!database) return "";
  const Result<std::string> fingerprint = read_meta(*database, "sweep_fingerprint");
  return fingerprint ? *fingerprint : "";
}

Result<std::unique_ptr<Store>> open_store(const std::filesystem::path& run_folder,
                                          const RunIdentity& identity) {
  Result<Database> database =
      open_run_database(run_folder, Database::Mode::kReadWrite, identity.busy_timeout_ms);
  if (!database) return database.error();
  if (identity.sync_rarely) {
    if (Status set = database->execute("PRAGMA synchronous = NORMAL"); !set) return set.error();
  }
  if (Status put = put_identity(*database, identity); !put) return put.error();
  Result<RecordStatements> statements = RecordStatements::prepare(*database);
  if (!statements) return statements.error();
  Result<Statement> trial_text = database->prepare(
      "SELECT j.json, t.key, t.label, t.folder FROM trials t JOIN trial_json j "
      "ON j.trial = t.id WHERE t.id = ?1");
  if (!trial_text) return trial_text.error();
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(
      std::move(*database), std::move(*statements), std::move(*trial_text)));
}

}  // namespace plateau
