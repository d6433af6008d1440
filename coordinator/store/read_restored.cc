#include <limits>
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

// Of one trial, or of all where it is 0.
void bind_range(Statement& statement, TrialId only) {
  statement.bind(1, only.value);
  statement.bind(2, only.value == 0 ? std::numeric_limits<std::int64_t>::max() : only.value);
}

Result<std::map<TrialId, std::vector<PastAttempt>>> read_attempts(Database& database,
                                                                  TrialId only) {
  Result<Statement> rows = database.prepare(
      "SELECT trial, attempt, session, node, slot, queued_ms, assigned_ms, started_ms, ended_ms, "
      "end, charged, message FROM attempts WHERE trial >= ?1 AND trial <= ?2 "
      "ORDER BY trial, attempt");
  if (!rows) return rows.error();
  bind_range(*rows, only);
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

Result<std::map<TrialId, ResumePoint>> read_checkpoints(Database& database, TrialId only) {
  Result<Statement> rows = database.prepare(
      "SELECT trial, attempt, step, name, size_bytes, sha256 FROM checkpoints "
      "WHERE trial >= ?1 AND trial <= ?2");
  if (!rows) return rows.error();
  bind_range(*rows, only);
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

Status read_trials(Database& database, TrialId only, std::vector<RestoredTrial>& trials) {
  auto attempts = read_attempts(database, only);
  if (!attempts) return attempts.error();
  auto checkpoints = read_checkpoints(database, only);
  if (!checkpoints) return checkpoints.error();
  Result<Statement> rows = database.prepare(
      "SELECT id, round, sharing_group, expected_ms, alone, batch_size, micro_batch_size, state, "
      "reason, charged, retry_alone, retry_pack_cap, retry_micro_batch_size, retry_avoid_node "
      "FROM trials WHERE in_sweep = 1 AND id >= ?1 AND id <= ?2 ORDER BY id");
  if (!rows) return rows.error();
  bind_range(*rows, only);
  const Result<std::int64_t> count =
      only.value == 0 ? database.integer("SELECT count(*) FROM trials") : 1;
  if (!count) return count.error();
  trials.reserve(static_cast<std::size_t>(*count));
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
      trial->resume = std::make_shared<const ResumePoint>(std::move(found->second));
    }
    trials.push_back(std::move(*trial));
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
  Result<std::vector<SetAsideNode>> nodes = read_set_aside(database);
  if (!nodes) return nodes.error();
  restored.set_aside = std::move(*nodes);
  return {};
}

}  // namespace

Result<std::optional<RestoredTrial>> read_restored_trial(Database& database, TrialId trial) {
  std::vector<RestoredTrial> trials;
  if (trial.value <= 0) return std::optional<RestoredTrial>();
  if (Status read = read_trials(database, trial, trials); !read) return read.error();
  if (trials.empty()) return std::optional<RestoredTrial>();
  return std::optional(std::move(trials.front()));
}

Result<std::vector<SetAsideNode>> read_set_aside(Database& database) {
  Result<Statement> nodes = database.prepare("SELECT node, reason FROM nodes_set_aside");
  if (!nodes) return nodes.error();
  std::vector<SetAsideNode> set_aside;
  for (;;) {
    Result<bool> row = nodes->step();
    if (!row) return row.error();
    if (!*row) return set_aside;
    set_aside.push_back({nodes->text(0), nodes->text(1)});
  }
}

Result<event::Restored> read_restored(Database& database, TimeMs wall_ms) {
  event::Restored restored;
  restored.wall_ms = wall_ms;
  if (Status read = read_trials(database, TrialId{0}, restored.trials); !read) return read.error();
  if (Status read = read_workers(database, restored); !read) return read.error();
  return restored;
}

}  // namespace plateau
