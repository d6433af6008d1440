#include "worker/agent/wire_translation.h"

#include <type_traits>
#include <utility>
#include <variant>

namespace plateau::agent {
namespace {

// Of a person's texts: room for a trainer's last words.
constexpr std::size_t kMaxTextBytes = std::size_t{8} << 10;

AttemptRef attempt_from(const wire::AttemptRef& ref) {
  return {TrialId{ref.trial()}, AttemptNumber{ref.attempt()}};
}

void fill(wire::AttemptRef* to, const AttemptRef& ref) {
  to->set_trial(ref.trial.value);
  to->set_attempt(ref.attempt.value);
}

void fill(wire::Artifact* to, const Artifact& artifact) {
  to->set_name(artifact.name);
  to->set_size_bytes(artifact.size_bytes);
  to->set_sha256(artifact.sha256);
}

Artifact artifact_from(const wire::Artifact& artifact) {
  return {artifact.name(), "", artifact.size_bytes(), artifact.sha256()};
}

std::vector<AttemptRef> attempts_from(
    const google::protobuf::RepeatedPtrField<wire::AttemptRef>& refs) {
  std::vector<AttemptRef> attempts;
  attempts.reserve(static_cast<std::size_t>(refs.size()));
  for (const wire::AttemptRef& ref : refs)
    attempts.push_back(attempt_from(ref));
  return attempts;
}

wire::FromWorker message_of(SessionId session) {
  wire::FromWorker message;
  message.set_session(static_cast<std::uint64_t>(session.value));
  return message;
}

Refused refused_from(const wire::Refused& refused) {
  switch (refused.reason()) {
    case wire::Refused::PROTOCOL_VERSION:
      return {Refused::Reason::kProtocolVersion, refused.message()};
    case wire::Refused::UNKNOWN_SESSION:
      return {Refused::Reason::kUnknownSession, refused.message()};
    case wire::Refused::NO_MORE_WORK:
      return {Refused::Reason::kNoMoreWork, refused.message()};
    default:
      return {Refused::Reason::kOther, refused.message()};
  }
}

Assign assign_from(const wire::Assign& message) {
  Assign assign;
  assign.attempt = attempt_from(message.attempt());
  assign.slot = SlotIndex{message.slot()};
  assign.trial_json = message.trial_json();
  assign.alone = message.alone();
  if (!message.resume().name().empty()) assign.resume = artifact_from(message.resume());
  return assign;
}

CoordinatorBody body_from(const wire::FromCoordinator& message) {
  switch (message.body_case()) {
    case wire::FromCoordinator::kWelcome: {
      const wire::Welcome& welcome = message.welcome();
      return Welcome{welcome.coordinator_run(), welcome.lease_ms(), welcome.hello_number(),
                     attempts_from(welcome.keep()), welcome.acked_sequence()};
    }
    case wire::FromCoordinator::kRefused:
      return refused_from(message.refused());
    case wire::FromCoordinator::kAssign:
      return assign_from(message.assign());
    case wire::FromCoordinator::kCancel:
      return Cancel{attempt_from(message.cancel().attempt()), message.cancel().reason()};
    case wire::FromCoordinator::kAck:
      return Ack{message.ack().sequence()};
    case wire::FromCoordinator::kChunkAck: {
      const wire::ChunkAck& ack = message.chunk_ack();
      return ChunkAck{attempt_from(ack.attempt()), ack.name(), ack.offset(), ack.credit_bytes(),
                      ack.complete()};
    }
    case wire::FromCoordinator::kStop:
      return Stop{message.stop().reason(), message.stop().drain()};
    case wire::FromCoordinator::kResumeData: {
      const wire::ResumeData& data = message.resume_data();
      return ResumeData{attempt_from(data.attempt()), data.offset(), data.data()};
    }
    case wire::FromCoordinator::kHeartbeat:
      return HeartbeatReply{message.heartbeat().lease_ms()};
    case wire::FromCoordinator::BODY_NOT_SET:
      break;
  }
  PLATEAU_CHECK(false, "the codec lets no message through without a body");
}

void fill_body(wire::Report* to, const StartedReport& body) {
  to->mutable_started()->set_slot(static_cast<std::uint32_t>(body.slot.value));
  to->mutable_started()->set_step(body.step);
  to->mutable_started()->set_steps_total(body.steps_total);
}

void fill_body(wire::Report* to, const ProgressReport& body) {
  to->mutable_progress()->set_step(body.step);
  to->mutable_progress()->set_steps_total(body.steps_total);
  to->mutable_progress()->set_loss(body.loss);
  to->mutable_progress()->set_tokens_per_s(body.tokens_per_s);
}

void fill_body(wire::Report* to, const MetricReport& body) {
  to->mutable_metric()->set_step(body.step);
  to->mutable_metric()->set_split(body.split);
  to->mutable_metric()->set_name(body.name);
  to->mutable_metric()->set_value(body.value);
}

void fill_body(wire::Report* to, const CheckpointedReport& body) {
  to->mutable_checkpointed()->set_step(body.step);
  fill(to->mutable_checkpointed()->mutable_artifact(), body.artifact);
}

void fill_body(wire::Report* to, const FinishedReport& body) {
  to->mutable_finished()->set_result_json(body.result_json);
  for (const Artifact& artifact : body.artifacts)
    fill(to->mutable_finished()->add_artifacts(), artifact);
}

void fill_body(wire::Report* to, const FailedReport& body) {
  wire::Failed* failed = to->mutable_failed();
  failed->set_kind(static_cast<wire::FailureKind>(body.kind));
  failed->set_message(wire::clip_text(body.message, kMaxTextBytes));
  for (const TrialId& trial : body.pack)
    failed->add_pack(trial.value);
}

void fill_body(wire::Report* to, const HandedBackReport& body) {
  to->mutable_handed_back()->set_reason(wire::clip_text(body.reason, kMaxTextBytes));
}

}  // namespace

FromCoordinator event_from(const wire::FromCoordinator& message) {
  return {SessionId{static_cast<std::int64_t>(message.session())}, body_from(message)};
}

wire::FromWorker hello_message(const WorkerDescription& worker, const SendHello& said) {
  wire::FromWorker message = message_of(worker.session);
  wire::Hello* hello = message.mutable_hello();
  hello->set_protocol_version(wire::kProtocolVersion);
  hello->set_program_version(worker.program_version);
  hello->set_worker_name(worker.name);
  hello->set_host(worker.host);
  hello->set_pid(worker.pid);
  hello->set_heartbeat_interval_ms(worker.heartbeat_ms);
  for (std::size_t i = 0; i < worker.slots.size(); ++i) {
    const SlotDescription& slot = worker.slots[i];
    wire::Slot* to = hello->add_slots();
    to->set_index(static_cast<std::uint32_t>(i));
    to->set_device(slot.device);
    to->set_device_name(wire::clip_text(slot.device_name, wire::kMaxNameBytes));
    to->set_memory_bytes(slot.memory_bytes);
    to->set_pack_limit(static_cast<std::uint32_t>(slot.pack_limit));
  }
  for (const AttemptRef& ref : said.held)
    fill(hello->add_held(), ref);
  hello->set_first_sequence(said.first_sequence);
  hello->set_number(said.number);
  return message;
}

wire::FromWorker heartbeat_message(SessionId session, const SendHeartbeat& heartbeat) {
  wire::FromWorker message = message_of(session);
  message.mutable_heartbeat();
  for (const AttemptRef& ref : heartbeat.held)
    fill(message.mutable_heartbeat()->add_running(), ref);
  return message;
}

wire::FromWorker report_message(SessionId session, const Report& report) {
  wire::FromWorker message = message_of(session);
  *message.mutable_report() = to_wire(report);
  return message;
}

wire::FromWorker chunk_message(SessionId session, const SendChunk& chunk, std::string data) {
  wire::FromWorker message = message_of(session);
  wire::ArtifactChunk* to = message.mutable_chunk();
  fill(to->mutable_attempt(), chunk.attempt);
  to->set_name(chunk.artifact.name);
  to->set_offset(chunk.offset);
  to->set_data(std::move(data));
  to->set_size_bytes(chunk.artifact.size_bytes);
  to->set_sha256(chunk.artifact.sha256);
  return message;
}

wire::FromWorker goodbye_message(SessionId session, const SendGoodbye& goodbye) {
  wire::FromWorker message = message_of(session);
  message.mutable_goodbye()->set_reason(wire::clip_text(goodbye.reason, kMaxTextBytes));
  return message;
}

wire::Report to_wire(const Report& report) {
  wire::Report message;
  message.set_sequence(report.sequence);
  fill(message.mutable_attempt(), report.attempt);
  std::visit([&](const auto& body) { fill_body(&message, body); }, report.body);
  return message;
}

Result<Report> report_from_wire(const wire::Report& message) {
  Report report{message.sequence(), attempt_from(message.attempt()), {}};
  switch (message.body_case()) {
    case wire::Report::kStarted:
      report.body = StartedReport{SlotIndex{message.started().slot()}, message.started().step(),
                                  message.started().steps_total()};
      return report;
    case wire::Report::kMetric:
      report.body = MetricReport{message.metric().step(), message.metric().split(),
                                 message.metric().name(), message.metric().value()};
      return report;
    case wire::Report::kCheckpointed:
      report.body = CheckpointedReport{message.checkpointed().step(),
                                       artifact_from(message.checkpointed().artifact())};
      return report;
    case wire::Report::kFinished: {
      FinishedReport finished{message.finished().result_json(), {}};
      for (const wire::Artifact& artifact : message.finished().artifacts())
        finished.artifacts.push_back(artifact_from(artifact));
      report.body = std::move(finished);
      return report;
    }
    case wire::Report::kFailed: {
      FailedReport failed{
          static_cast<FailureKind>(message.failed().kind()), message.failed().message(), {}};
      for (const std::int64_t trial : message.failed().pack())
        failed.pack.push_back(TrialId{trial});
      report.body = std::move(failed);
      return report;
    }
    case wire::Report::kHandedBack:
      report.body = HandedBackReport{message.handed_back().reason()};
      return report;
    case wire::Report::kProgress:
    case wire::Report::BODY_NOT_SET:
      break;
  }
  return corrupt("a kept report has no body");
}

}  // namespace plateau::agent
