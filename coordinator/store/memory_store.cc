// The Store in memory: what SQLite would hold, as plain maps. A batch is applied to a copy of what
// it touches and then swapped in, so that a refused batch changes nothing here either.
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "coordinator/store/new_trials.h"
#include "coordinator/store/store.h"

namespace plateau {
namespace {

struct StoredTrial {
  RestoredTrial trial;
  TrialText text;
  std::string cell;
  bool in_sweep = true;
  std::optional<record::Result> result;
  // By name, attempt and step.
  std::map<std::tuple<std::string, AttemptNumber, std::int64_t>, double> validation;
};

class MemoryStore : public Store {
 public:
  Result<PutSweep> put_sweep(const SweepText& sweep, const NextTrial& next,
                             TimeMs wall_ms) override;
  Result<std::optional<KnownSweep>> take_up_sweep(const std::string& fingerprint) override;
  Result<std::vector<ProposedTrial>> put_proposal(const ProposalText& proposal,
                                                  const std::vector<NewTrial>& trials,
                                                  TimeMs wall_ms) override;
  Result<std::vector<ProposalText>> proposals() override { return proposals_; }
  Result<std::vector<EvaluatedTrial>> evaluations(const std::string& metric) override;
  Status commit(const std::vector<Record>& batch, TimeMs wall_ms) override;
  Result<event::Restored> restore(TimeMs wall_ms) override;
  Result<Spent> spent() override { return spent_; }
  Status put_spent(const Spent& spent) override {
    spent_ = spent;
    return {};
  }
  Result<TrialText> trial_text(TrialId trial) override;

 private:
  // A batch under way: trials copied on first touch.
  struct Pending {
    std::map<TrialId, StoredTrial> trials;
    std::map<SessionId, RestoredSession> sessions;
    std::map<std::string, std::string> nodes;
    TimeMs wall_ms = 0;
  };
  ProposedTrial add(const NewTrial& trial);
  void queue_failed_again();
  StoredTrial* touch(Pending& pending, TrialId trial) const;
  static PastAttempt* attempt_of(StoredTrial* trial, AttemptNumber attempt);
  Status write(Pending& pending, const Record& record) const;
  Status write_attempt(Pending& pending, const Record& record) const;

  TrialTexts texts_;
  std::map<TrialId, StoredTrial> trials_;
  std::map<std::string, TrialId> by_key_;
  std::map<std::string, std::int64_t> cell_sizes_;
  std::map<SessionId, RestoredSession> sessions_;
  std::map<std::string, std::string> nodes_set_aside_;
  std::vector<ProposalText> proposals_;
  Spent spent_;
  std::string fingerprint_;
  std::string plan_json_;
};

// A trial that is known by its key is in the sweep again, with its newest text.
ProposedTrial MemoryStore::add(const NewTrial& trial) {
  NewTexts texts = texts_of(trial, texts_);
  TrialText text{"", texts.key, texts.label, texts.folder};
  for (const std::string& piece : texts.pieces)
    text.json += piece;
  if (const auto known = by_key_.find(text.key); known != by_key_.end()) {
    StoredTrial& stored = trials_.at(known->second);
    stored.in_sweep = true;
    stored.text.json = text.json;
    stored.trial.facts.expected_ms = trial.expected_ms;
    stored.trial.facts.alone = trial.alone;
    stored.trial.facts.micro_batch_size = trial.trial.micro_batch_size;
    return {stored.trial.facts, false};
  }
  const TrialId id{static_cast<std::int64_t>(trials_.size()) + 1};
  StoredTrial stored;
  stored.cell = std::move(texts.cell);
  stored.trial.facts = facts_of(trial, id, cell_sizes_[stored.cell]++);
  by_key_[text.key] = id;
  stored.text = std::move(text);
  const TrialFacts facts = stored.trial.facts;
  trials_.emplace(id, std::move(stored));
  return {facts, true};
}

Result<std::vector<ProposedTrial>> MemoryStore::put_proposal(const ProposalText& proposal,
                                                             const std::vector<NewTrial>& trials,
                                                             TimeMs) {
  proposals_.push_back(proposal);
  std::vector<ProposedTrial> proposed;
  for (const NewTrial& trial : trials)
    proposed.push_back(add(trial));
  return proposed;
}

Result<std::vector<EvaluatedTrial>> MemoryStore::evaluations(const std::string& metric) {
  std::vector<EvaluatedTrial> trials;
  for (const auto& [id, stored] : trials_) {
    if (!stored.in_sweep) continue;
    EvaluatedTrial trial;
    trial.trial = id;
    trial.key = stored.text.key;
    trial.status = stored.trial.status;
    if (stored.result) trial.result_json = stored.result->result_json;
    for (const auto& [key, value] : stored.validation) {
      const auto& [name, attempt, step] = key;
      if (name == metric) trial.values.emplace_back(step, value);
    }
    trials.push_back(std::move(trial));
  }
  return trials;
}

Result<PutSweep> MemoryStore::put_sweep(const SweepText& sweep, const NextTrial& next, TimeMs) {
  PutSweep put;
  for (auto& [id, stored] : trials_)
    stored.in_sweep = false;
  while (const std::optional<NewTrial> each = next()) {
    const ProposedTrial added = add(*each);
    ++(added.is_new ? put.added : put.kept);
    const TrialStatus status = trials_.at(added.facts.id).trial.status;
    if (status == TrialStatus::kFinished || status == TrialStatus::kDiverged) ++put.finished;
  }
  queue_failed_again();
  fingerprint_ = sweep.fingerprint;
  plan_json_ = sweep.plan_json;
  return put;
}

void MemoryStore::queue_failed_again() {
  for (auto& [id, stored] : trials_) {
    if (stored.trial.status != TrialStatus::kFailed || !stored.in_sweep) continue;
    stored.trial.status = TrialStatus::kQueued;
    stored.trial.reason.clear();
    stored.trial.retry = {};
  }
}

Result<std::optional<KnownSweep>> MemoryStore::take_up_sweep(const std::string& fingerprint) {
  if (fingerprint.empty() || fingerprint != fingerprint_) return std::optional<KnownSweep>();
  KnownSweep known{{}, plan_json_};
  for (const auto& [id, stored] : trials_) {
    if (!stored.in_sweep) continue;
    ++known.put.kept;
    const TrialStatus status = stored.trial.status;
    if (status == TrialStatus::kFinished || status == TrialStatus::kDiverged) ++known.put.finished;
  }
  queue_failed_again();
  return std::optional(std::move(known));
}

StoredTrial* MemoryStore::touch(Pending& pending, TrialId trial) const {
  if (const auto found = pending.trials.find(trial); found != pending.trials.end()) {
    return &found->second;
  }
  const auto stored = trials_.find(trial);
  if (stored == trials_.end()) return nullptr;
  return &pending.trials.emplace(trial, stored->second).first->second;
}

PastAttempt* MemoryStore::attempt_of(StoredTrial* trial, AttemptNumber attempt) {
  if (trial == nullptr) return nullptr;
  for (PastAttempt& past : trial->trial.attempts) {
    if (past.attempt == attempt) return &past;
  }
  return nullptr;
}

Status MemoryStore::write(Pending& pending, const Record& record) const {
  if (const auto* session = std::get_if<record::Session>(&record)) {
    pending.sessions[session->session] = {session->session, session->worker_name, session->host,
                                          session->pid, session->acked_sequence};
    return {};
  }
  if (const auto* node = std::get_if<record::NodeSetAside>(&record)) {
    pending.nodes[node->node] = node->reason;
    return {};
  }
  if (const auto* checkpoint = std::get_if<record::Checkpoint>(&record)) {
    StoredTrial* stored = touch(pending, checkpoint->trial);
    if (stored == nullptr) return internal_error("the store has no such trial");
    stored->trial.resume = std::make_shared<const ResumePoint>(checkpoint->resume);
    return {};
  }
  if (const auto* changed = std::get_if<record::TrialChanged>(&record)) {
    StoredTrial* stored = touch(pending, changed->trial);
    if (stored == nullptr) return internal_error("the store has no such trial");
    stored->trial.status = changed->status;
    stored->trial.reason = changed->reason;
    stored->trial.retry = changed->retry;
    return {};
  }
  if (std::holds_alternative<record::Note>(record)) return {};
  return write_attempt(pending, record);
}

Status MemoryStore::write_attempt(Pending& pending, const Record& record) const {
  if (const auto* assigned = std::get_if<record::AttemptAssigned>(&record)) {
    StoredTrial* stored = touch(pending, assigned->attempt.trial);
    if (stored == nullptr) return internal_error("the store has no such trial");
    if (attempt_of(stored, assigned->attempt.attempt) != nullptr) {
      return internal_error("an attempt with that number is in the store already");
    }
    PastAttempt past;
    past.attempt = assigned->attempt.attempt;
    past.session = assigned->session;
    past.node = assigned->node;
    past.slot = assigned->slot;
    past.queued_wall_ms = pending.wall_ms - assigned->waited_ms;
    past.assigned_wall_ms = pending.wall_ms;
    stored->trial.attempts.push_back(std::move(past));
    return {};
  }
  const AttemptRef ref = std::visit(
      [](const auto& r) -> AttemptRef {
        if constexpr (requires { AttemptRef{r.attempt}; }) return r.attempt;
        return {};
      },
      record);
  StoredTrial* stored = touch(pending, ref.trial);
  PastAttempt* past = attempt_of(stored, ref.attempt);
  if (past == nullptr) return internal_error("the store has no such attempt");
  if (std::holds_alternative<record::AttemptStarted>(record)) {
    past->started_wall_ms = pending.wall_ms;
  } else if (const auto* ended = std::get_if<record::AttemptEnded>(&record)) {
    past->ended_wall_ms = pending.wall_ms;
    past->end = ended->end;
    past->charged = ended->charged;
    past->message = ended->message;
  } else if (const auto* revived = std::get_if<record::AttemptRevived>(&record)) {
    past->ended_wall_ms = 0;
    past->end = std::nullopt;
    past->charged = false;
    past->message.clear();
    past->session = revived->session;
  } else if (const auto* result = std::get_if<record::Result>(&record)) {
    if (stored->result) return internal_error("the trial has a result in the store already");
    stored->result = *result;
  } else if (const auto* metric = std::get_if<record::Metric>(&record)) {
    const report::Metric& m = metric->metric;
    if (m.split == "validation" && std::isfinite(m.value)) {
      stored->validation[{m.name, ref.attempt, m.step}] = m.value;
    }
  }
  return {};
}

Status MemoryStore::commit(const std::vector<Record>& batch, TimeMs wall_ms) {
  Pending pending;
  pending.wall_ms = wall_ms;
  for (const Record& record : batch) {
    if (Status written = write(pending, record); !written) return written;
  }
  for (auto& [id, stored] : pending.trials)
    trials_[id] = std::move(stored);
  for (auto& [id, session] : pending.sessions)
    sessions_[id] = std::move(session);
  for (auto& [node, reason] : pending.nodes) {
    if (reason.empty()) {
      nodes_set_aside_.erase(node);
    } else {
      nodes_set_aside_[node] = reason;
    }
  }
  return {};
}

Result<event::Restored> MemoryStore::restore(TimeMs wall_ms) {
  event::Restored restored;
  restored.wall_ms = wall_ms;
  for (const auto& [id, stored] : trials_) {
    if (stored.in_sweep) restored.trials.push_back(stored.trial);
  }
  for (const auto& [id, session] : sessions_)
    restored.sessions.push_back(session);
  for (const auto& [node, reason] : nodes_set_aside_)
    restored.set_aside.push_back({node, reason});
  return restored;
}

Result<TrialText> MemoryStore::trial_text(TrialId trial) {
  const auto found = trials_.find(trial);
  if (found == trials_.end()) {
    return not_found("the run has no trial " + std::to_string(trial.value));
  }
  return found->second.text;
}

}  // namespace

std::unique_ptr<Store> memory_store() {
  return std::make_unique<MemoryStore>();
}

}  // namespace plateau
