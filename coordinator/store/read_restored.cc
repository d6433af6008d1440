#include <map>

#include "coordinator/store/sqlite_store.h"

namespace plateau {
namespace {

// The database was checked when it was opened, so a word that means nothing is damage.
Error unknown_word(const char* column, const std::string& word) {
  return corrupt(std::string("the run's database has '") + word + "' as " + column +
                 ", which no version of this program writes. Restore the run folder from a copy, "
                 "or start another run with --name");
}

Result<std::map<TrialId, std::vector<PastAttempt>>> read_attempts(Database& database) {
  Result<Statement> rows = database.prepare(
      "SELECT trial, attempt, session, node, slot, queued_ms, assigned_ms, started_ms, ended_ms, "
      "end, charged, message FROM attempts ORDER BY trial, attempt");
  if (!rows) return rows.error();
  std::map<TrialId, std::vector<PastAttempt>> attempts;
  for (;;) {
    Result<bool> row = rows->step();
    if (!row) return row.error();
    if (!*row) return attempts;
    PastAttempt past;
    past.attempt = AttemptNumber{rows->integer(1)};
    past.session = SessionId{rows->integer(2)};
    past.node = rows->text(3);
    past.slot = SlotIndex{rows->integer(4)};
    past.queued_wall_ms = rows->integer(5);
    past.assigned_wall_ms = rows->integer(6);
    past.started_wall_ms = rows->integer(7);
    past.ended_wall_ms = rows->integer(8);
    if (!rows->is_null(9)) {
      past.end = attempt_end_from(rows->text(9));
      if (!past.end) return unknown_word("the end of an attempt", rows->text(9));
    }
    past.charged = rows->integer(10) != 0;
    past.message = rows->text(11);
    attempts[TrialId{rows->integer(0)}].push_back(std::move(past));
  }
}

Result<std::map<TrialId, ResumePoint>> read_checkpoints(Database& database) {
  Result<Statement> rows =
      database.prepare("SELECT trial, attempt, step, name, size_bytes, sha256 FROM checkpoints");
  if (!rows) return rows.error();
  std::map<TrialId, ResumePoint> checkpoints;
  for (;;) {
    Result<bool> row = rows->step();
    if (!row) return row.error();
    if (!*row) return checkpoints;
    checkpoints[TrialId{rows->integer(0)}] = {
        AttemptNumber{rows->integer(1)},
        rows->integer(2),
        {rows->text(3), static_cast<std::uint64_t>(rows->integer(4)), rows->text(5)}};
  }
}

Result<RestoredTrial> trial_of_row(const Statement& row) {
  RestoredTrial trial;
  trial.facts.id = TrialId{row.integer(0)};
  trial.facts.round = row.integer(1);
  trial.facts.group = row.text(2);
  trial.facts.expected_ms = row.integer(3);
  trial.facts.alone = row.integer(4) != 0;
  trial.facts.batch_size = row.integer(5);
  trial.facts.micro_batch_size = row.integer(6);
  const std::optional<TrialStatus> status = trial_status_from(row.text(7));
  if (!status) return unknown_word("the state of a trial", row.text(7));
  trial.status = *status;
  trial.reason = row.text(8);
  trial.retry.charged = row.integer(9);
  trial.retry.alone = row.integer(10) != 0;
  trial.retry.pack_cap = row.integer(11);
  trial.retry.micro_batch_size = row.integer(12);
  trial.retry.avoid_node = row.text(13);
  return trial;
}

Status read_trials(Database& database, event::Restored& restored) {
  auto attempts = read_attempts(database);
  if (!attempts) return attempts.error();
  auto checkpoints = read_checkpoints(database);
  if (!checkpoints) return checkpoints.error();
  Result<Statement> rows = database.prepare(
      "SELECT id, round, sharing_group, expected_ms, alone, batch_size, micro_batch_size, state, "
      "reason, charged, retry_alone, retry_pack_cap, retry_micro_batch_size, retry_avoid_node "
      "FROM trials WHERE in_sweep = 1 ORDER BY id");
  if (!rows) return rows.error();
  for (;;) {
    Result<bool> row = rows->step();
    if (!row) return row.error();
    if (!*row) return {};
    Result<RestoredTrial> trial = trial_of_row(*rows);
    if (!trial) return trial.error();
    if (const auto found = attempts->find(trial->facts.id); found != attempts->end()) {
      trial->attempts = std::move(found->second);
    }
    if (const auto found = checkpoints->find(trial->facts.id); found != checkpoints->end()) {
      trial->resume = std::move(found->second);
    }
    restored.trials.push_back(std::move(*trial));
  }
}

Status read_workers(Database& database, event::Restored& restored) {
  Result<Statement> sessions =
      database.prepare("SELECT session, worker_name, host, pid, acked_sequence FROM sessions");
  if (!sessions) return sessions.error();
  for (;;) {
    Result<bool> row = sessions->step();
    if (!row) return row.error();
    if (!*row) break;
    restored.sessions.push_back({SessionId{sessions->integer(0)}, sessions->text(1),
                                 sessions->text(2), sessions->integer(3),
                                 static_cast<std::uint64_t>(sessions->integer(4))});
  }
  Result<Statement> nodes = database.prepare("SELECT node, reason FROM nodes_set_aside");
  if (!nodes) return nodes.error();
  for (;;) {
    Result<bool> row = nodes->step();
    if (!row) return row.error();
    if (!*row) return {};
    restored.set_aside.push_back({nodes->text(0), nodes->text(1)});
  }
}

}  // namespace

Result<event::Restored> read_restored(Database& database, TimeMs wall_ms) {
  event::Restored restored;
  restored.wall_ms = wall_ms;
  if (Status read = read_trials(database, restored); !read) return read.error();
  if (Status read = read_workers(database, restored); !read) return read.error();
  return restored;
}

}  // namespace plateau
