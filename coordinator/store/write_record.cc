// Each record's row. The scheduler is checked here as well: a record that changes no row, or a
// second result, is a broken promise and fails the whole batch.
#include <utility>

#include <nlohmann/json.hpp>

#include "coordinator/store/sqlite_store.h"

namespace plateau {
namespace {

std::string artifacts_json(const std::vector<ArtifactFacts>& artifacts) {
  nlohmann::json list = nlohmann::json::array();
  for (const ArtifactFacts& each : artifacts) {
    list.push_back({{"name", each.name}, {"size_bytes", each.size_bytes}, {"sha256", each.sha256}});
  }
  return list.dump();
}

// Runs an UPDATE that must find its row.
Status run_one(Statement& statement, const AttemptRef& ref) {
  Status done = statement.run();
  if (!done) return done;
  if (statement.changes() == 1) return {};
  return internal_error("the store has no attempt " + std::to_string(ref.attempt.value) +
                        " of trial " + std::to_string(ref.trial.value) + " to change");
}

class Writer {
 public:
  Writer(RecordStatements& statements, TimeMs wall_ms) : to_(statements), wall_ms_(wall_ms) {}

  Status operator()(const record::Session& r) {
    return to_.session.bind(1, r.session.value)
        .bind(2, r.worker_name)
        .bind(3, r.host)
        .bind(4, r.pid)
        .bind(5, static_cast<std::int64_t>(r.acked_sequence))
        .run();
  }

  Status operator()(const record::TrialChanged& r) {
    to_.trial_changed.bind(1, r.trial.value)
        .bind(2, to_string(r.status))
        .bind(3, r.reason)
        .bind(4, r.retry.charged)
        .bind(5, std::int64_t{r.retry.alone})
        .bind(6, r.retry.pack_cap)
        .bind(7, r.retry.micro_batch_size)
        .bind(8, r.retry.avoid_node);
    return run_one(to_.trial_changed, {r.trial, AttemptNumber{}});
  }

  Status operator()(const record::AttemptAssigned& r) {
    return ref(to_.attempt_assigned, r.attempt)
        .bind(3, r.session.value)
        .bind(4, r.node)
        .bind(5, r.slot.value)
        .bind(6, std::int64_t{r.alone})
        .bind(7, r.micro_batch_size)
        .bind(8, wall_ms_ - r.waited_ms)
        .bind(9, wall_ms_)
        .run();
  }

  Status operator()(const record::AttemptStarted& r) {
    ref(to_.attempt_started, r.attempt).bind(3, wall_ms_).bind(4, r.step);
    return run_one(to_.attempt_started, r.attempt);
  }

  Status operator()(const record::AttemptEnded& r) {
    ref(to_.attempt_ended, r.attempt)
        .bind(3, wall_ms_)
        .bind(4, to_string(r.end))
        .bind(5, std::int64_t{r.charged})
        .bind(6, r.message);
    return run_one(to_.attempt_ended, r.attempt);
  }

  Status operator()(const record::AttemptRevived& r) {
    ref(to_.attempt_revived, r.attempt).bind(3, r.session.value);
    return run_one(to_.attempt_revived, r.attempt);
  }

  Status operator()(const record::Metric& r) {
    return ref(to_.metric, r.attempt)
        .bind(3, r.metric.split)
        .bind(4, r.metric.name)
        .bind(5, r.metric.step)
        .bind(6, r.metric.value)
        .run();
  }

  Status operator()(const record::Checkpoint& r) {
    return to_.checkpoint.bind(1, r.trial.value)
        .bind(2, r.resume.written_by.value)
        .bind(3, r.resume.step)
        .bind(4, r.resume.artifact.name)
        .bind(5, static_cast<std::int64_t>(r.resume.artifact.size_bytes))
        .bind(6, r.resume.artifact.sha256)
        .run();
  }

  Status operator()(const record::Result& r) {
    return ref(to_.result, r.attempt)
        .bind(3, wall_ms_)
        .bind(4, r.result_json)
        .bind(5, artifacts_json(r.artifacts))
        .run();
  }

  Status operator()(const record::NodeSetAside& r) {
    if (r.reason.empty()) return to_.node_returned.bind(1, r.node).run();
    return to_.node_set_aside.bind(1, r.node).bind(2, r.reason).run();
  }

  Status operator()(const record::Note& r) {
    to_.note.bind(1, wall_ms_).bind(3, r.text);
    if (r.trial) {
      to_.note.bind(2, r.trial->value);
    } else {
      to_.note.bind_null(2);
    }
    return to_.note.run();
  }

 private:
  static Statement& ref(Statement& statement, const AttemptRef& ref) {
    return statement.bind(1, ref.trial.value).bind(2, ref.attempt.value);
  }

  RecordStatements& to_;
  const TimeMs wall_ms_;
};

}  // namespace

Result<RecordStatements> RecordStatements::prepare(Database& database) {
  Status failed;
  const auto make = [&](const char* sql) -> std::optional<Statement> {
    if (!failed) return std::nullopt;
    Result<Statement> statement = database.prepare(sql);
    if (!statement) {
      failed = statement.error();
      return std::nullopt;
    }
    return std::move(*statement);
  };
  auto session = make(
      "INSERT INTO sessions (session, worker_name, host, pid, acked_sequence) "
      "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (session) DO UPDATE SET worker_name = ?2, "
      "host = ?3, pid = ?4, acked_sequence = ?5");
  auto trial_changed = make(
      "UPDATE trials SET state = ?2, reason = ?3, charged = ?4, retry_alone = ?5, "
      "retry_pack_cap = ?6, retry_micro_batch_size = ?7, retry_avoid_node = ?8 WHERE id = ?1");
  auto attempt_assigned = make(
      "INSERT INTO attempts (trial, attempt, session, node, slot, alone, micro_batch_size, "
      "queued_ms, assigned_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  auto attempt_started = make(
      "UPDATE attempts SET started_ms = ?3, start_step = ?4 WHERE trial = ?1 AND attempt = ?2");
  auto attempt_ended = make(
      "UPDATE attempts SET ended_ms = ?3, end = ?4, charged = ?5, message = ?6 "
      "WHERE trial = ?1 AND attempt = ?2");
  auto attempt_revived = make(
      "UPDATE attempts SET ended_ms = 0, end = NULL, charged = 0, message = '', session = ?3 "
      "WHERE trial = ?1 AND attempt = ?2");
  auto metric = make(
      "INSERT OR REPLACE INTO metrics (trial, attempt, split, name, step, value) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  auto checkpoint = make(
      "INSERT OR REPLACE INTO checkpoints (trial, attempt, step, name, size_bytes, sha256) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  auto result = make(
      "INSERT INTO results (trial, attempt, accepted_ms, result_json, artifacts_json) "
      "VALUES (?1, ?2, ?3, ?4, ?5)");
  auto node_set_aside =
      make("INSERT OR REPLACE INTO nodes_set_aside (node, reason) VALUES (?1, ?2)");
  auto node_returned = make("DELETE FROM nodes_set_aside WHERE node = ?1");
  auto note = make("INSERT INTO notes (wall_ms, trial, text) VALUES (?1, ?2, ?3)");
  if (!failed) return failed.error();
  return RecordStatements{
      std::move(*session),         std::move(*trial_changed), std::move(*attempt_assigned),
      std::move(*attempt_started), std::move(*attempt_ended), std::move(*attempt_revived),
      std::move(*metric),          std::move(*checkpoint),    std::move(*result),
      std::move(*node_set_aside),  std::move(*node_returned), std::move(*note)};
}

Status write_record(RecordStatements& statements, const Record& record, TimeMs wall_ms) {
  return std::visit(Writer(statements, wall_ms), record);
}

}  // namespace plateau
