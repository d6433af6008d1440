#include "worker/agent/agent_state.h"

#include <algorithm>

#include "worker/agent/agent_core.h"

namespace plateau::agent {

AgentCore::AgentCore(const AgentOptions& options, TimeMs now, const Restored& restored)
    : options_(options), reports_(restored.first_sequence), uploads_(options.resend_after_ms) {
  restore(restored);
  begin_seeking(now);
}

void AgentCore::restore(const Restored& restored) {
  const auto attempt_of = [&](const AttemptRef& ref) -> Attempt& {
    newest_[ref.trial] = std::max(newest_[ref.trial], ref.attempt);
    Attempt& attempt = attempts_[ref];
    attempt.ref = ref;
    return attempt;
  };
  for (const Report& report : restored.under_way) {
    reports_.restore(report);
    Attempt& attempt = attempt_of(report.attempt);
    if (ends_attempt(report.body)) attempt.phase = Reported{};
  }
  for (const KeepResult& kept : restored.results) {
    Attempt& attempt = attempt_of(kept.attempt);
    if (std::holds_alternative<Reported>(attempt.phase)) continue;
    for (const Artifact& artifact : kept.result.artifacts)
      uploads_.add(kept.attempt, artifact);
    attempt.phase = Uploading{kept.result};
    report_if_uploaded(attempt);
  }
  for (auto& [ref, attempt] : attempts_) {
    // Its trainer died with the earlier process.
    if (std::holds_alternative<Preparing>(attempt.phase)) {
      end(attempt, HandedBackReport{"the worker process was started anew"});
    }
  }
}

std::vector<Action> AgentCore::apply(const Event& event, TimeMs now) {
  actions_.clear();
  if (ended()) return {};
  std::visit([&](const auto& happened) { on(happened, now); }, event);
  if (!ended()) flush(now);
  // What is due is done with whatever wakes us: an event may have ended the last attempt.
  if (!ended()) tick_ending(now);
  return std::move(actions_);
}

void AgentCore::on(const FromCoordinator& message, TimeMs now) {
  if (message.session != options_.session) return;
  if (auto* connected = std::get_if<Connected>(&connection_)) connected->last_heard = now;
  std::visit([&](const auto& body) { on(body, now); }, message.body);
}

void AgentCore::on(const Tick& /*tick*/, TimeMs now) {
  tick_connection(now);
  tick_attempts(now);
}

TimeMs AgentCore::next_wakeup() const {
  if (ended()) return kNever;
  TimeMs next = kNever;
  if (const auto* seeking = std::get_if<Seeking>(&connection_)) {
    next = seeking->next_hello;
  } else if (const auto* connected = std::get_if<Connected>(&connection_)) {
    next = std::min(connected->next_heartbeat, uploads_.next_wakeup());
    if (!reports_.under_way().empty()) {
      next = std::min(next, last_report_activity_ + options_.resend_after_ms);
    }
  }
  if (ending_) {
    const bool uploads_given_up = uploads_.empty();
    next = std::min(next, uploads_given_up ? ending_->deadline : ending_->give_up_uploads);
  }
  return next;
}

std::vector<AttemptRef> AgentCore::held() const {
  std::vector<AttemptRef> refs;
  refs.reserve(attempts_.size());
  for (const auto& [ref, attempt] : attempts_)
    refs.push_back(ref);
  return refs;
}

std::vector<AttemptRef> AgentCore::in_trainer(SlotIndex slot) const {
  std::vector<AttemptRef> refs;
  for (const auto& [ref, attempt] : attempts_) {
    const bool inside = std::holds_alternative<InTrainer>(attempt.phase) ||
                        std::holds_alternative<Leaving>(attempt.phase);
    if (inside && attempt.slot == slot) refs.push_back(ref);
  }
  return refs;
}

// ---- the outside --------------------------------------------------------------------------------

struct AgentState::State {
  AgentCore core;
};

AgentState::AgentState(const AgentOptions& options, TimeMs now, const Restored& restored)
    : state_(new State{AgentCore(options, now, restored)}) {}
AgentState::~AgentState() = default;
AgentState::AgentState(AgentState&&) noexcept = default;
AgentState& AgentState::operator=(AgentState&&) noexcept = default;

std::vector<Action> AgentState::apply(const Event& event, TimeMs now) {
  return state_->core.apply(event, now);
}
TimeMs AgentState::next_wakeup() const {
  return state_->core.next_wakeup();
}
std::vector<AttemptRef> AgentState::held() const {
  return state_->core.held();
}
std::vector<AttemptRef> AgentState::in_trainer(SlotIndex slot) const {
  return state_->core.in_trainer(slot);
}
bool AgentState::connected() const {
  return state_->core.connected();
}
bool AgentState::ended() const {
  return state_->core.ended();
}

}  // namespace plateau::agent
