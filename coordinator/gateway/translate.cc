#include "coordinator/gateway/translate.h"

#include <utility>

namespace plateau {
namespace {

constexpr std::size_t kMaxReasonBytes = 8000;  // below the codec's limit for texts

SessionId to_session(std::uint64_t session) {
  return SessionId{static_cast<std::int64_t>(session)};
}

template <typename Attempts>
std::vector<AttemptRef> to_attempts(const Attempts& attempts) {
  std::vector<AttemptRef> list;
  list.reserve(static_cast<std::size_t>(attempts.size()));
  for (const wire::AttemptRef& attempt : attempts)
    list.push_back(to_attempt(attempt));
  return list;
}

ArtifactFacts to_facts(const wire::Artifact& artifact) {
  return {artifact.name(), artifact.size_bytes(), artifact.sha256()};
}

FailureKind to_kind(wire::FailureKind kind) {
  switch (kind) {
    case wire::OUT_OF_MEMORY:
      return FailureKind::kOutOfMemory;
    case wire::DIVERGED:
      return FailureKind::kDiverged;
    case wire::BAD_CONFIGURATION:
      return FailureKind::kBadConfiguration;
    case wire::NODE_FAULT:
      return FailureKind::kNodeFault;
    default:
      return FailureKind::kTrainerCrashed;
  }
}

event::Hello to_hello(SessionId session, const wire::Hello& message) {
  event::Hello hello;
  hello.session = session;
  hello.worker_name = message.worker_name();
  hello.host = message.host();
  hello.pid = message.pid();
  hello.held = to_attempts(message.held());
  hello.first_sequence = message.first_sequence();
  hello.number = message.number();
  for (const wire::Slot& slot : message.slots()) {
    hello.slots.push_back({SlotIndex{slot.index()}, slot.device(), slot.device_name(),
                           slot.memory_bytes(), slot.pack_limit()});
  }
  return hello;
}

report::Failed to_failed(const wire::Failed& message) {
  report::Failed failed;
  failed.kind = to_kind(message.kind());
  failed.message = message.message();
  for (const std::int64_t trial : message.pack())
    failed.pack.push_back(TrialId{trial});
  return failed;
}

report::Finished to_finished(const wire::Finished& message) {
  report::Finished finished;
  finished.result_json = message.result_json();
  for (const wire::Artifact& artifact : message.artifacts()) {
    finished.artifacts.push_back(to_facts(artifact));
  }
  return finished;
}

event::Report to_report(SessionId session, const wire::Report& message) {
  event::Report report;
  report.session = session;
  report.sequence = message.sequence();
  report.attempt = to_attempt(message.attempt());
  switch (message.body_case()) {
    case wire::Report::kStarted:
      report.body = report::Started{SlotIndex{message.started().slot()}, message.started().step(),
                                    message.started().steps_total()};
      break;
    case wire::Report::kProgress:
      report.body = report::Progress{message.progress().step(), message.progress().steps_total(),
                                     message.progress().loss(), message.progress().tokens_per_s()};
      break;
    case wire::Report::kMetric:
      report.body = report::Metric{message.metric().step(), message.metric().split(),
                                   message.metric().name(), message.metric().value()};
      break;
    case wire::Report::kCheckpointed:
      report.body = report::Checkpointed{message.checkpointed().step(),
                                         to_facts(message.checkpointed().artifact())};
      break;
    case wire::Report::kFinished:
      report.body = to_finished(message.finished());
      break;
    case wire::Report::kFailed:
      report.body = to_failed(message.failed());
      break;
    case wire::Report::kHandedBack:
      report.body = report::HandedBack{message.handed_back().reason()};
      break;
    case wire::Report::BODY_NOT_SET:
      PLATEAU_CHECK(false, "the codec lets no report without a body pass");
  }
  return report;
}

wire::FromCoordinator for_session(SessionId session) {
  wire::FromCoordinator message;
  message.set_session(static_cast<std::uint64_t>(session.value));
  return message;
}

std::string clipped(const std::string& text) {
  return wire::clip_text(text, kMaxReasonBytes);
}

}  // namespace

AttemptRef to_attempt(const wire::AttemptRef& attempt) {
  return {TrialId{attempt.trial()}, AttemptNumber{attempt.attempt()}};
}

void set_attempt(const AttemptRef& attempt, wire::AttemptRef* message) {
  message->set_trial(attempt.trial.value);
  message->set_attempt(attempt.attempt.value);
}

std::optional<Event> to_event(const wire::FromWorker& message) {
  const SessionId session = to_session(message.session());
  switch (message.body_case()) {
    case wire::FromWorker::kHello:
      return to_hello(session, message.hello());
    case wire::FromWorker::kHeartbeat:
      return event::Heartbeat{session, to_attempts(message.heartbeat().running())};
    case wire::FromWorker::kReport:
      return to_report(session, message.report());
    case wire::FromWorker::kGoodbye:
      return event::Goodbye{session, message.goodbye().reason()};
    case wire::FromWorker::kChunk:
    case wire::FromWorker::BODY_NOT_SET:
      break;
  }
  return std::nullopt;
}

wire::FromCoordinator to_message(const action::Welcome& welcome, std::uint64_t coordinator_run) {
  wire::FromCoordinator message = for_session(welcome.session);
  wire::Welcome* body = message.mutable_welcome();
  body->set_coordinator_run(coordinator_run);
  body->set_lease_ms(welcome.lease_ms);
  body->set_acked_sequence(welcome.acked_sequence);
  body->set_hello_number(welcome.hello_number);
  for (const AttemptRef& attempt : welcome.keep)
    set_attempt(attempt, body->add_keep());
  return message;
}

wire::FromCoordinator to_message(const action::Refuse& refuse) {
  wire::FromCoordinator message = for_session(refuse.session);
  message.mutable_refused()->set_reason(refuse.reason == action::Refuse::Reason::kUnknownSession
                                            ? wire::Refused::UNKNOWN_SESSION
                                            : wire::Refused::NO_MORE_WORK);
  message.mutable_refused()->set_message(clipped(refuse.message));
  return message;
}

wire::FromCoordinator to_message(const action::Assign& assign, std::string trial_json,
                                 bool with_resume) {
  wire::FromCoordinator message = for_session(assign.session);
  wire::Assign* body = message.mutable_assign();
  set_attempt(assign.attempt, body->mutable_attempt());
  body->set_slot(static_cast<std::uint32_t>(assign.slot.value));
  body->set_trial_json(std::move(trial_json));
  body->set_alone(assign.alone);
  if (with_resume && assign.resume) {
    body->mutable_resume()->set_name(assign.resume->artifact.name);
    body->mutable_resume()->set_size_bytes(assign.resume->artifact.size_bytes);
    body->mutable_resume()->set_sha256(assign.resume->artifact.sha256);
  }
  return message;
}

wire::FromCoordinator to_message(const action::Cancel& cancel) {
  wire::FromCoordinator message = for_session(cancel.session);
  set_attempt(cancel.attempt, message.mutable_cancel()->mutable_attempt());
  message.mutable_cancel()->set_reason(clipped(cancel.reason));
  return message;
}

wire::FromCoordinator to_message(const action::Ack& ack) {
  wire::FromCoordinator message = for_session(ack.session);
  message.mutable_ack()->set_sequence(ack.sequence);
  return message;
}

wire::FromCoordinator to_message(const action::HeartbeatReply& reply) {
  wire::FromCoordinator message = for_session(reply.session);
  message.mutable_heartbeat()->set_lease_ms(reply.lease_ms);
  return message;
}

wire::FromCoordinator to_message(const action::StopWorker& stop) {
  wire::FromCoordinator message = for_session(stop.session);
  message.mutable_stop()->set_reason(clipped(stop.reason));
  message.mutable_stop()->set_drain(stop.drain);
  return message;
}

}  // namespace plateau
