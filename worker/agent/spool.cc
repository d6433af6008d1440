#include "worker/agent/spool.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "worker/agent/wire_translation.h"

namespace plateau::agent {
namespace {

using Json = nlohmann::json;

// A record: "PS", its kind, its length (8 hexadecimal digits), a checksum (16 of SHA-256's digits
// over kind and payload), the payload, a line feed.
constexpr std::string_view kMark = "PS";
constexpr std::size_t kHeaderBytes = 2 + 1 + 8 + 16;
constexpr std::size_t kMaxPayloadBytes = std::size_t{4} << 20;
// A file smaller than this is not worth a rewrite.
constexpr std::uint64_t kSmallBytes = std::uint64_t{1} << 20;

constexpr char kSession = 'S';
constexpr char kReport = 'R';
constexpr char kResult = 'F';
constexpr char kAcked = 'A';
constexpr char kReleased = 'L';

std::string checksum(char kind, std::string_view payload) {
  return sha256_hex(std::string(1, kind) + std::string(payload)).substr(0, 16);
}

std::string record_of(char kind, const std::string& payload) {
  char length[9];
  std::snprintf(length, sizeof length, "%08zx", payload.size());
  return std::string(kMark) + kind + length + checksum(kind, payload) + payload + "\n";
}

std::string result_payload(const KeepResult& kept) {
  Json artifacts = Json::array();
  for (const Artifact& artifact : kept.result.artifacts) {
    artifacts.push_back(
        Json::array({artifact.name, artifact.path, artifact.size_bytes, artifact.sha256}));
  }
  return Json{{"trial", kept.attempt.trial.value},
              {"attempt", kept.attempt.attempt.value},
              {"result", kept.result.result_json},
              {"artifacts", artifacts}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<KeepResult> result_from(const std::string& payload) {
  try {
    const Json json = Json::parse(payload);
    KeepResult kept;
    kept.attempt = {TrialId{json.at("trial")}, AttemptNumber{json.at("attempt")}};
    kept.result.result_json = json.at("result");
    for (const Json& entry : json.at("artifacts")) {
      kept.result.artifacts.push_back({entry.at(0), entry.at(1), entry.at(2), entry.at(3)});
    }
    return kept;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::string attempt_payload(const AttemptRef& attempt) {
  return std::to_string(attempt.trial.value) + " " + std::to_string(attempt.attempt.value);
}

Error disk_error(const std::string& doing, const std::filesystem::path& path) {
  std::string message = doing + " " + path.string() + " failed: " + std::strerror(errno) + ".";
  if (errno == ENOSPC) message += " Free some disk space; until then reports are kept in memory.";
  return io_error(message);
}

}  // namespace

Result<Spool> Spool::open(const std::filesystem::path& folder) {
  if (Status made = make_folder(folder); !made) return made.error();
  Spool spool(folder / "reports.spool");
  const Result<std::string> bytes = read_file(spool.path_);
  if (bytes) {
    spool.read(*bytes);
  } else if (bytes.error().kind != ErrorKind::kNotFound) {
    return bytes.error();
  }
  // What was read is written anew: without the torn tail, which would hide all that comes after.
  if (Status written = spool.rewrite(); !written) return written.error();
  return spool;
}

void Spool::read(std::string_view bytes) {
  while (bytes.size() >= kHeaderBytes + 1 && bytes.substr(0, 2) == kMark) {
    const char kind = bytes[2];
    const std::string digits(bytes.substr(3, 8));
    if (digits.find_first_not_of("0123456789abcdef") != std::string::npos) break;
    const std::size_t size = std::stoul(digits, nullptr, 16);
    if (size > kMaxPayloadBytes || bytes.size() < kHeaderBytes + size + 1) break;
    const std::string_view payload = bytes.substr(kHeaderBytes, size);
    if (bytes.substr(11, 16) != checksum(kind, payload)) break;
    if (!take(kind, payload)) break;
    bytes.remove_prefix(kHeaderBytes + size + 1);
  }
  torn_bytes_ = bytes.size();
}

// False: a record that this version does not know; what follows may rest on it.
bool Spool::take(char kind, std::string_view payload) {
  const std::string text(payload);
  switch (kind) {
    case kSession:
      session_.value = std::stoll(text);
      return true;
    case kReport: {
      wire::Report report;
      if (!report.ParseFromString(text)) return false;
      reports_[report.sequence()] = text;
      return true;
    }
    case kResult: {
      const std::optional<KeepResult> result = result_from(text);
      if (!result) return false;
      results_[result->attempt] = text;
      return true;
    }
    case kAcked:
      acked_ = std::stoull(text);
      reports_.erase(reports_.begin(), reports_.upper_bound(acked_));
      return true;
    case kReleased: {
      const std::size_t space = text.find(' ');
      if (space == std::string::npos) return false;
      results_.erase({TrialId{std::stoll(text)}, AttemptNumber{std::stoll(text.substr(space))}});
      return true;
    }
    default:
      return false;
  }
}

std::optional<SpoolContents> Spool::contents() const {
  SpoolContents contents;
  contents.session = session_;
  contents.restored.first_sequence = acked_ + 1;
  bool worth_it = false;
  for (const auto& [sequence, payload] : reports_) {
    wire::Report message;
    message.ParseFromString(payload);
    Result<Report> report = report_from_wire(message);
    // A gap or a report that cannot be read: the coordinator could not go on from it.
    if (!report ||
        sequence != contents.restored.first_sequence + contents.restored.under_way.size()) {
      return std::nullopt;
    }
    worth_it = worth_it || std::holds_alternative<FinishedReport>(report->body);
    contents.restored.under_way.push_back(std::move(*report));
  }
  for (const auto& [attempt, payload] : results_)
    contents.restored.results.push_back(*result_from(payload));
  if (session_.value == 0 || !(worth_it || !contents.restored.results.empty())) {
    return std::nullopt;
  }
  return contents;
}

Status Spool::begin(SessionId session) {
  session_ = session;
  acked_ = 0;
  reports_.clear();
  results_.clear();
  return rewrite();
}

Status Spool::keep(const Report& report) {
  std::string payload = to_wire(report).SerializeAsString();
  must_sync_ = must_sync_ || ends_attempt(report.body);
  return append(kReport, reports_[report.sequence] = std::move(payload));
}

Status Spool::keep(const KeepResult& result) {
  std::string payload = result_payload(result);
  must_sync_ = true;
  return append(kResult, results_[result.attempt] = std::move(payload));
}

Status Spool::forget(std::uint64_t through_sequence) {
  acked_ = through_sequence;
  reports_.erase(reports_.begin(), reports_.upper_bound(through_sequence));
  forget_sync_if_empty();
  if (Status kept = append(kAcked, std::to_string(through_sequence)); !kept) return kept;
  return rewrite_if_worth_it();
}

Status Spool::release(const AttemptRef& attempt) {
  if (results_.erase(attempt) == 0) return {};
  forget_sync_if_empty();
  return append(kReleased, attempt_payload(attempt));
}

// All that was kept is committed at the coordinator, whose disk has it.
void Spool::forget_sync_if_empty() {
  if (reports_.empty() && results_.empty()) must_sync_ = false;
}

Status Spool::append(char kind, const std::string& payload) {
  // What comes after a record that the disk did not take would be read without it: the file stays
  // as it was until there is room for all of it.
  if (is_behind_) return rewrite();
  const std::string record = record_of(kind, payload);
  std::string_view rest = record;
  while (!rest.empty()) {
    const ssize_t written = ::write(file_.get(), rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const Error error = disk_error("writing to", path_);
      is_behind_ = true;
      // A half record would hide those after it.
      (void)!::ftruncate(file_.get(), static_cast<off_t>(file_bytes_));
      return error;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  file_bytes_ += record.size();
  return {};
}

Status Spool::sync() {
  if (!must_sync_) return {};
  if (is_behind_) return rewrite();
  if (::fdatasync(file_.get()) != 0) return disk_error("syncing", path_);
  must_sync_ = false;
  return {};
}

Status Spool::rewrite_if_worth_it() {
  if (file_bytes_ < kSmallBytes) return {};
  std::uint64_t live_bytes = 0;
  for (const auto& [sequence, payload] : reports_)
    live_bytes += payload.size();
  for (const auto& [attempt, payload] : results_)
    live_bytes += payload.size();
  return live_bytes < file_bytes_ / 2 ? rewrite() : Status{};
}

Status Spool::rewrite() {
  std::string bytes;
  if (session_.value != 0) bytes += record_of(kSession, std::to_string(session_.value));
  if (acked_ != 0) bytes += record_of(kAcked, std::to_string(acked_));
  for (const auto& [sequence, payload] : reports_)
    bytes += record_of(kReport, payload);
  for (const auto& [attempt, payload] : results_)
    bytes += record_of(kResult, payload);
  if (Status written = write_file_atomically(path_, bytes); !written) return written;
  is_behind_ = true;  // The open file is another one now.
  const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return disk_error("opening", path_);
  file_.reset(fd);
  file_bytes_ = bytes.size();
  is_behind_ = false;
  must_sync_ = false;
  return {};
}

}  // namespace plateau::agent
