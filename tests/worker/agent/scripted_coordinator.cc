#include "tests/worker/agent/scripted_coordinator.h"

#include <poll.h>

#include "common/base/check.h"

namespace plateau::agent {

void ScriptedCoordinator::begin() {
  Result<BoundEndpoint> bound = bind_coordinator(address());
  PLATEAU_CHECK(bound.ok(), bound.ok() ? "" : bound.error().message);
  endpoint_ = std::move(bound->endpoint);
}

void ScriptedCoordinator::send(wire::FromCoordinator message) {
  message.set_session(session_);
  const Result<std::string> bytes = wire::encode(message);
  PLATEAU_CHECK(bytes.ok(), bytes.ok() ? "" : bytes.error().message);
  endpoint_->send(peer_, *bytes);
}

void ScriptedCoordinator::assign(std::int64_t trial, std::int64_t attempt,
                                 const std::string& trial_json) {
  wire::FromCoordinator message;
  message.mutable_assign()->mutable_attempt()->set_trial(trial);
  message.mutable_assign()->mutable_attempt()->set_attempt(attempt);
  message.mutable_assign()->set_trial_json(trial_json);
  send(message);
}

bool ScriptedCoordinator::serve_until(const std::function<bool()>& enough, DurationMs patience_ms) {
  const TimeMs until = system_clock().monotonic_ms() + patience_ms;
  while (true) {
    while (const std::optional<Frame> frame = endpoint_->receive()) {
      const Result<wire::FromWorker> message = wire::decode_from_worker(frame->bytes);
      PLATEAU_CHECK(message.ok(), message.ok() ? "" : message.error().message);
      peer_ = frame->peer;
      session_ = message->session();
      heard.push_back(*message);
      answer(*message);
    }
    if (enough()) return true;
    if (system_clock().monotonic_ms() >= until) return false;
    pollfd ready{endpoint_->poll_fd(), POLLIN, 0};
    ::poll(&ready, 1, 20);
  }
}

void ScriptedCoordinator::answer(const wire::FromWorker& message) {
  wire::FromCoordinator reply;
  if (message.has_hello() && refuse) {
    reply.mutable_refused()->set_reason(*refuse);
    reply.mutable_refused()->set_message("the worker is too old; build it anew");
    send(reply);
  } else if (message.has_hello()) {
    committed_ = std::max(committed_, message.hello().first_sequence() - 1);
    wire::Welcome* welcome = reply.mutable_welcome();
    welcome->set_lease_ms(10'000);
    welcome->set_hello_number(message.hello().number());
    welcome->set_acked_sequence(committed_);
    *welcome->mutable_keep() = message.hello().held();
    send(reply);
  } else if (message.has_heartbeat()) {
    reply.mutable_heartbeat()->set_lease_ms(10'000);
    send(reply);
  } else if (message.has_chunk() && answer_chunks) {
    const wire::ArtifactChunk& chunk = message.chunk();
    std::string& bytes = artifacts[std::to_string(chunk.attempt().trial()) + "/" + chunk.name()];
    if (chunk.offset() == bytes.size()) bytes += chunk.data();
    wire::ChunkAck* ack = reply.mutable_chunk_ack();
    *ack->mutable_attempt() = chunk.attempt();
    ack->set_name(chunk.name());
    ack->set_offset(bytes.size());
    ack->set_credit_bytes(1 << 20);
    ack->set_complete(bytes.size() == chunk.size_bytes());
    send(reply);
  } else if (message.has_report() && answer_reports && message.report().sequence() > 0) {
    if (message.report().sequence() == committed_ + 1) ++committed_;
    reply.mutable_ack()->set_sequence(committed_);
    send(reply);
  }
}

std::size_t ScriptedCoordinator::count(wire::Report::BodyCase body) const {
  std::size_t found = 0;
  for (const wire::FromWorker& message : heard)
    found += message.has_report() && message.report().body_case() == body ? 1 : 0;
  return found;
}

std::optional<wire::Report> ScriptedCoordinator::report(wire::Report::BodyCase body) const {
  for (auto message = heard.rbegin(); message != heard.rend(); ++message) {
    if (message->has_report() && message->report().body_case() == body) return message->report();
  }
  return std::nullopt;
}

std::optional<wire::Hello> ScriptedCoordinator::last_hello() const {
  for (auto message = heard.rbegin(); message != heard.rend(); ++message) {
    if (message->has_hello()) return message->hello();
  }
  return std::nullopt;
}

}  // namespace plateau::agent
