#include "common/wire/codec.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <google/protobuf/stubs/logging.h>

#include "common/base/text.h"

namespace plateau::wire {
namespace {

// A text of a person's size: error messages and reasons.
constexpr std::size_t kMaxTextBytes = std::size_t{16} << 10;
// trial_json and result_json leave room for the rest of the message.
constexpr std::size_t kMaxJsonBytes = std::size_t{768} << 10;

constexpr std::string_view kCheckpointPrefix = "checkpoint/step-";

// What is wrong with a message, or nothing.
using Fault = std::optional<std::string>;

Fault too_long(std::string_view text, std::size_t max_bytes, const char* field) {
  if (text.size() <= max_bytes) return std::nullopt;
  return std::string(field) + " has " + std::to_string(text.size()) + " bytes, at most " +
         std::to_string(max_bytes) + " are allowed";
}

Fault check(const AttemptRef& attempt) {
  if (attempt.trial() >= 1 && attempt.attempt() >= 1) return std::nullopt;
  return "attempt " + std::to_string(attempt.attempt()) + " of trial " +
         std::to_string(attempt.trial()) + " cannot be: both count from 1";
}

template <typename Attempts>
Fault check_attempts(const Attempts& attempts, const char* field) {
  if (attempts.size() > kMaxAttempts) return std::string(field) + " lists too many attempts";
  for (const AttemptRef& attempt : attempts) {
    if (Fault fault = check(attempt)) return fault;
  }
  return std::nullopt;
}

Fault check_name(std::string_view name) {
  const Status status = check_artifact_name(name);
  if (status) return std::nullopt;
  return status.error().message;
}

Fault check_digest(std::uint64_t size_bytes, std::string_view sha256) {
  if (size_bytes > kMaxArtifactBytes) return "an artifact claims too many bytes";
  const bool hex = std::all_of(sha256.begin(), sha256.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (sha256.size() != 64 || !hex) return "an artifact's sha256 is no SHA-256";
  return std::nullopt;
}

Fault check(const Artifact& artifact) {
  if (Fault fault = check_name(artifact.name())) return fault;
  return check_digest(artifact.size_bytes(), artifact.sha256());
}

Fault check(const Hello& hello) {
  if (Fault fault = too_long(hello.worker_name(), kMaxNameBytes, "worker_name")) return fault;
  if (Fault fault = too_long(hello.host(), kMaxNameBytes, "host")) return fault;
  if (Fault fault = too_long(hello.program_version(), kMaxNameBytes, "program_version")) {
    return fault;
  }
  if (hello.worker_name().empty()) return "worker_name is empty";
  if (hello.slots_size() == 0 || hello.slots_size() > kMaxSlots) {
    return "a worker has between 1 and " + std::to_string(kMaxSlots) + " slots, not " +
           std::to_string(hello.slots_size());
  }
  for (int i = 0; i < hello.slots_size(); ++i) {
    const Slot& slot = hello.slots(i);
    if (slot.index() != static_cast<std::uint32_t>(i)) return "slots are not numbered 0, 1, ...";
    if (slot.pack_limit() < 1) return "a slot's pack_limit is below 1";
    if (Fault fault = too_long(slot.device(), kMaxNameBytes, "device")) return fault;
    if (Fault fault = too_long(slot.device_name(), kMaxNameBytes, "device_name")) return fault;
  }
  if (hello.heartbeat_interval_ms() < 1) return "heartbeat_interval_ms is below 1";
  if (hello.first_sequence() < 1) return "first_sequence is below 1";
  return check_attempts(hello.held(), "held");
}

Fault check(const Metric& metric) {
  if (metric.name().empty() || metric.split().empty()) return "a metric has no name or split";
  if (Fault fault = too_long(metric.name(), kMaxNameBytes, "metric.name")) return fault;
  return too_long(metric.split(), kMaxNameBytes, "metric.split");
}

Fault check(const Finished& finished) {
  if (Fault fault = too_long(finished.result_json(), kMaxJsonBytes, "result_json")) return fault;
  if (finished.artifacts_size() > kMaxArtifacts) return "a trial has too many artifacts";
  for (const Artifact& artifact : finished.artifacts()) {
    if (Fault fault = check(artifact)) return fault;
  }
  return std::nullopt;
}

Fault check(const Failed& failed) {
  if (failed.kind() == FAILURE_UNSPECIFIED || !FailureKind_IsValid(failed.kind())) {
    return "failed has no known kind";
  }
  if (failed.pack_size() > kMaxAttempts) return "failed.pack lists too many trials";
  return too_long(failed.message(), kMaxTextBytes, "failed.message");
}

Fault check(const Report& report) {
  if ((report.sequence() == 0) != report.has_progress()) {
    return "a report has no sequence number, or progress has one";
  }
  if (Fault fault = check(report.attempt())) return fault;
  switch (report.body_case()) {
    case Report::kStarted:
    case Report::kProgress:
      return std::nullopt;
    case Report::kMetric:
      return check(report.metric());
    case Report::kCheckpointed:
      return check(report.checkpointed().artifact());
    case Report::kFinished:
      return check(report.finished());
    case Report::kFailed:
      return check(report.failed());
    case Report::kHandedBack:
      return too_long(report.handed_back().reason(), kMaxTextBytes, "handed_back.reason");
    case Report::BODY_NOT_SET:
      break;
  }
  return "a report has no body that this version knows";
}

Fault check(const ArtifactChunk& chunk) {
  if (Fault fault = check(chunk.attempt())) return fault;
  Artifact whole;
  whole.set_name(chunk.name());
  whole.set_size_bytes(chunk.size_bytes());
  whole.set_sha256(chunk.sha256());
  if (Fault fault = check(whole)) return fault;
  if (chunk.offset() + chunk.data().size() > chunk.size_bytes()) {
    return "a chunk lies beyond its artifact's end";
  }
  return too_long(chunk.data(), kMaxChunkBytes, "chunk.data");
}

Fault check(const FromWorker& message) {
  if (message.session() == 0) return "a message has no session";
  switch (message.body_case()) {
    case FromWorker::kHello:
      return check(message.hello());
    case FromWorker::kHeartbeat:
      return check_attempts(message.heartbeat().running(), "running");
    case FromWorker::kReport:
      return check(message.report());
    case FromWorker::kChunk:
      return check(message.chunk());
    case FromWorker::kGoodbye:
      return too_long(message.goodbye().reason(), kMaxTextBytes, "goodbye.reason");
    case FromWorker::BODY_NOT_SET:
      break;
  }
  return "a message has no body that this version knows";
}

Fault check(const Assign& assign) {
  if (Fault fault = check(assign.attempt())) return fault;
  if (assign.trial_json().empty()) return "assign has no trial";
  if (!assign.resume().name().empty()) {
    if (Fault fault = check(assign.resume())) return fault;
  }
  return too_long(assign.trial_json(), kMaxJsonBytes, "trial_json");
}

Fault check(const FromCoordinator& message) {
  if (message.session() == 0) return "a message has no session";
  switch (message.body_case()) {
    case FromCoordinator::kWelcome:
      if (message.welcome().lease_ms() < 1) return "lease_ms is below 1";
      return check_attempts(message.welcome().keep(), "keep");
    case FromCoordinator::kRefused:
      return too_long(message.refused().message(), kMaxTextBytes, "refused.message");
    case FromCoordinator::kAssign:
      return check(message.assign());
    case FromCoordinator::kCancel:
      if (Fault fault = check(message.cancel().attempt())) return fault;
      return too_long(message.cancel().reason(), kMaxTextBytes, "cancel.reason");
    case FromCoordinator::kChunkAck:
      if (Fault fault = check(message.chunk_ack().attempt())) return fault;
      return check_name(message.chunk_ack().name());
    case FromCoordinator::kStop:
      return too_long(message.stop().reason(), kMaxTextBytes, "stop.reason");
    case FromCoordinator::kResumeData:
      if (Fault fault = check(message.resume_data().attempt())) return fault;
      return too_long(message.resume_data().data(), kMaxChunkBytes, "resume_data.data");
    case FromCoordinator::kAck:
    case FromCoordinator::kHeartbeat:
      return std::nullopt;
    case FromCoordinator::BODY_NOT_SET:
      break;
  }
  return "a message has no body that this version knows";
}

template <typename Message>
Result<std::string> encode_checked(const Message& message) {
  if (Fault fault = check(message)) return internal_error("A message cannot be sent: " + *fault);
  std::string bytes = message.SerializeAsString();
  if (bytes.size() > kMaxMessageBytes) {
    return internal_error("A message cannot be sent: it has " + std::to_string(bytes.size()) +
                          " bytes, at most " + std::to_string(kMaxMessageBytes) + " are allowed");
  }
  return bytes;
}

// The library would print a line for every malformed message: a peer could fill our log.
void silence_protobuf() {
  static const bool done = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
  }();
  static_cast<void>(done);
}

template <typename Message>
Result<Message> decode_checked(std::string_view bytes) {
  silence_protobuf();
  if (bytes.size() > kMaxMessageBytes) {
    return corrupt("A message of " + std::to_string(bytes.size()) + " bytes was refused: at most " +
                   std::to_string(kMaxMessageBytes) + " are allowed");
  }
  Message message;
  // Parsing also refuses strings that are not UTF-8, as proto3 demands.
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return corrupt("A message was refused: its bytes are no message of Plateau's protocol");
  }
  if (Fault fault = check(message)) return corrupt("A message was refused: " + *fault);
  return message;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// The length of the UTF-8 character at the start of text, or 0 when there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies beyond U+10FFFF.
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

}  // namespace

Result<std::string> encode(const FromWorker& message) {
  return encode_checked(message);
}

Result<std::string> encode(const FromCoordinator& message) {
  return encode_checked(message);
}

Result<FromWorker> decode_from_worker(std::string_view bytes) {
  return decode_checked<FromWorker>(bytes);
}

Result<FromCoordinator> decode_from_coordinator(std::string_view bytes) {
  return decode_checked<FromCoordinator>(bytes);
}

Status check_artifact_name(std::string_view name) {
  const std::string shown = "The artifact name '" + clip_text(name, 80) + "' is refused: ";
  if (name.empty() || name.size() > kMaxNameBytes) {
    return invalid_argument(shown + "it must have 1 to " + std::to_string(kMaxNameBytes) +
                            " bytes");
  }
  for (const std::string& part : split(name, '/')) {
    if (part.empty()) return invalid_argument(shown + "it is not relative, or has an empty part");
    if (part.front() == '.') return invalid_argument(shown + "a part starts with '.'");
    if (!std::all_of(part.begin(), part.end(), is_name_character)) {
      return invalid_argument(shown + "only letters, digits, '.', '_', '-' and '/' may be in it");
    }
  }
  return {};
}

std::string checkpoint_name(std::int64_t step) {
  return std::string(kCheckpointPrefix) + std::to_string(step);
}

std::optional<std::int64_t> checkpoint_step(std::string_view name) {
  if (!name.starts_with(kCheckpointPrefix)) return std::nullopt;
  name.remove_prefix(kCheckpointPrefix.size());
  std::int64_t step = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), step);
  if (error != std::errc() || end != name.data() + name.size() || step < 0) return std::nullopt;
  return step;
}

Error version_mismatch(std::uint32_t worker_version, std::string_view worker_program_version) {
  const bool older = worker_version < kProtocolVersion;
  return {ErrorKind::kVersion,
          "This worker (plateau-worker " + clip_text(worker_program_version, 40) +
              ") speaks protocol version " + std::to_string(worker_version) +
              ", the coordinator speaks " + std::to_string(kProtocolVersion) + ". Install the " +
              "same version of Plateau on both machines; the " +
              (older ? "worker is the older one." : "coordinator is the older one.")};
}

std::string clip_text(std::string_view text, std::size_t max_bytes) {
  std::string clean;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::size_t taken = length == 0 ? 1 : length;
    if (clean.size() + taken > max_bytes) break;
    if (length == 0) {
      clean += '?';
    } else {
      clean.append(text.substr(0, length));
    }
    text.remove_prefix(taken);
  }
  return clean;
}

}  // namespace plateau::wire
