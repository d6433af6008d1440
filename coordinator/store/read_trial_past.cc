#include <algorithm>
#include <limits>

#include "coordinator/store/sqlite_store.h"
#include "coordinator/store/trial_past.h"

namespace plateau {
namespace {

constexpr TimeMs kForEver = std::numeric_limits<TimeMs>::max();

class Reader {
 public:
  Reader(Database& database, TrialId trial) : database_(database), trial_(trial) {}

  Result<TrialPast> run() {
    if (Status read = read_trial(); !read) return read.error();
    if (Status read = read_attempts(); !read) return read.error();
    for (TrialPast::Attempt& attempt : past_.attempts) {
      if (Status read = read_wait(attempt); !read) return read.error();
    }
    if (Status read = read_own_notes(); !read) return read.error();
    if (past_.status == TrialStatus::kQueued) {
      if (Status read = read_present_wait(); !read) return read.error();
    }
    std::stable_sort(past_.notes.begin(), past_.notes.end(),
                     [](const auto& a, const auto& b) { return a.wall_ms < b.wall_ms; });
    return std::move(past_);
  }

 private:
  Status read_trial();
  Status read_attempts();
  Status read_wait(TrialPast::Attempt& attempt);
  Status read_own_notes();
  Status read_run_notes(TimeMs from_ms, TimeMs to_ms);
  Status read_present_wait();
  Result<std::int64_t> count(Statement& statement) const;

  Database& database_;
  const TrialId trial_;
  TrialPast past_;
};

Status Reader::read_trial() {
  // As the scheduler restores it; one trial of many is not worth a second way to read it.
  Result<std::optional<RestoredTrial>> trial = read_restored_trial(database_, trial_);
  if (!trial) return trial.error();
  if (!trial->has_value()) {
    return not_found("the run has no trial " + std::to_string(trial_.value));
  }
  past_.status = (*trial)->status;
  past_.reason = (*trial)->reason;
  past_.retry = (*trial)->retry;
  if ((*trial)->resume) past_.resume = *(*trial)->resume;
  for (PastAttempt& attempt : (*trial)->attempts)
    past_.attempts.push_back({std::move(attempt)});
  return {};
}

// What a restored attempt leaves out.
Status Reader::read_attempts() {
  Result<Statement> rows = database_.prepare(
      "SELECT start_step, alone, micro_batch_size FROM attempts WHERE trial = ?1 ORDER BY attempt");
  if (!rows) return rows.error();
  rows->bind(1, trial_.value);
  for (TrialPast::Attempt& attempt : past_.attempts) {
    const Result<bool> row = rows->step();
    if (!row) return row.error();
    if (!*row) return {};
    attempt.start_step = rows->integer(0);
    attempt.alone = rows->integer(1) != 0;
    attempt.micro_batch_size = rows->integer(2);
  }
  return {};
}

Result<std::int64_t> Reader::count(Statement& statement) const {
  const Result<bool> row = statement.step();
  if (!row) return row.error();
  return *row ? statement.integer(0) : 0;
}

Status Reader::read_wait(TrialPast::Attempt& attempt) {
  const TimeMs from_ms = attempt.facts.queued_wall_ms;
  const TimeMs to_ms = attempt.facts.assigned_wall_ms;
  if (from_ms == 0 || to_ms <= from_ms) return {};
  Result<Statement> ran = database_.prepare(
      "SELECT count(*) FROM attempts WHERE trial <> ?1 AND assigned_ms < ?2 AND "
      "(end IS NULL OR ended_ms > ?2)");
  if (!ran) return ran.error();
  const Result<std::int64_t> already = count(ran->bind(1, trial_.value).bind(2, from_ms));
  if (!already) return already.error();
  Result<Statement> begun = database_.prepare(
      "SELECT count(*) FROM attempts WHERE trial <> ?1 AND assigned_ms >= ?2 AND assigned_ms < ?3");
  if (!begun) return begun.error();
  const Result<std::int64_t> meanwhile =
      count(begun->bind(1, trial_.value).bind(2, from_ms).bind(3, to_ms));
  if (!meanwhile) return meanwhile.error();
  attempt.ran_already = *already;
  attempt.begun_meanwhile = *meanwhile;
  return read_run_notes(from_ms, to_ms);
}

Status Reader::read_own_notes() {
  Result<Statement> rows =
      database_.prepare("SELECT wall_ms, text FROM notes WHERE trial = ?1 ORDER BY id");
  if (!rows) return rows.error();
  rows->bind(1, trial_.value);
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return row.error();
    if (!*row) return {};
    past_.notes.push_back({rows->integer(0), false, rows->text(1)});
  }
}

Status Reader::read_run_notes(TimeMs from_ms, TimeMs to_ms) {
  Result<Statement> rows = database_.prepare(
      "SELECT wall_ms, text FROM notes WHERE trial IS NULL AND wall_ms > ?1 AND wall_ms <= ?2 "
      "ORDER BY id LIMIT ?3");
  if (!rows) return rows.error();
  rows->bind(1, from_ms).bind(2, to_ms).bind(3, kWaitNotesMax);
  for (;;) {
    const Result<bool> row = rows->step();
    if (!row) return row.error();
    if (!*row) return {};
    past_.notes.push_back({rows->integer(0), true, rows->text(1)});
  }
}

Status Reader::read_present_wait() {
  if (!past_.attempts.empty()) {
    past_.queued_ms = past_.attempts.back().facts.ended_wall_ms;
  } else {
    const Result<std::int64_t> put = database_.integer(
        "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'updated_ms'), 0)");
    if (!put) return put.error();
    past_.queued_ms = *put;
  }
  Result<Statement> before = database_.prepare(
      "SELECT count(*) FROM trials t, trials own WHERE own.id = ?1 AND t.in_sweep = 1 AND "
      "t.state = 'queued' AND (t.round, -t.expected_ms, t.id) < "
      "(own.round, -own.expected_ms, own.id)");
  if (!before) return before.error();
  const Result<std::int64_t> queued = count(before->bind(1, trial_.value));
  if (!queued) return queued.error();
  const Result<std::int64_t> running = database_.integer(
      "SELECT count(*) FROM trials WHERE in_sweep = 1 AND state IN ('assigned', 'running')");
  if (!running) return running.error();
  past_.queued_before = *queued;
  past_.running_now = *running;
  Result<std::vector<SetAsideNode>> nodes = read_set_aside(database_);
  if (!nodes) return nodes.error();
  past_.set_aside = std::move(*nodes);
  return read_run_notes(past_.queued_ms, kForEver);
}

}  // namespace

Result<TrialPast> read_trial_past(const std::filesystem::path& run_folder, TrialId trial) {
  Result<Database> database = open_run_database(run_folder, Database::Mode::kReadOnly);
  if (!database) return database.error();
  // One snapshot, as in read_run().
  if (Status begun = database->execute("BEGIN"); !begun) return begun.error();
  return Reader(*database, trial).run();
}

}  // namespace plateau
