#include <array>
#include <utility>

#include "coordinator/scheduler/events.h"

namespace plateau {
namespace {

template <typename Enum, std::size_t N>
using Names = std::array<std::pair<Enum, const char*>, N>;

constexpr Names<AttemptEnd, 10> kAttemptEnds{{
    {AttemptEnd::kFinished, "finished"},
    {AttemptEnd::kDiverged, "diverged"},
    {AttemptEnd::kCrashedInPack, "crashed in a pack"},
    {AttemptEnd::kCrashedAlone, "crashed alone"},
    {AttemptEnd::kOutOfMemory, "out of memory"},
    {AttemptEnd::kBadConfiguration, "bad configuration"},
    {AttemptEnd::kNodeFault, "node fault"},
    {AttemptEnd::kWorkerLost, "worker lost"},
    {AttemptEnd::kHandedBack, "handed back"},
    {AttemptEnd::kStopped, "stopped"},
}};

constexpr Names<TrialStatus, 7> kTrialStatuses{{
    {TrialStatus::kQueued, "queued"},
    {TrialStatus::kAssigned, "assigned"},
    {TrialStatus::kRunning, "running"},
    {TrialStatus::kFinished, "finished"},
    {TrialStatus::kDiverged, "diverged"},
    {TrialStatus::kFailed, "failed"},
    {TrialStatus::kStopped, "stopped"},
}};

template <typename Enum, std::size_t N>
const char* name_of(const Names<Enum, N>& names, Enum value) {
  for (const auto& [each, name] : names) {
    if (each == value) return name;
  }
  return "unknown";
}

template <typename Enum, std::size_t N>
std::optional<Enum> value_of(const Names<Enum, N>& names, const std::string& text) {
  for (const auto& [each, name] : names) {
    if (text == name) return each;
  }
  return std::nullopt;
}

}  // namespace

const char* to_string(FailureKind kind) {
  switch (kind) {
    case FailureKind::kTrainerCrashed:
      return "trainer crashed";
    case FailureKind::kOutOfMemory:
      return "out of memory";
    case FailureKind::kDiverged:
      return "diverged";
    case FailureKind::kBadConfiguration:
      return "bad configuration";
    case FailureKind::kNodeFault:
      return "node fault";
  }
  return "unknown";
}

const char* to_string(AttemptEnd end) {
  return name_of(kAttemptEnds, end);
}
const char* to_string(TrialStatus status) {
  return name_of(kTrialStatuses, status);
}

std::optional<AttemptEnd> attempt_end_from(const std::string& text) {
  return value_of(kAttemptEnds, text);
}
std::optional<TrialStatus> trial_status_from(const std::string& text) {
  return value_of(kTrialStatuses, text);
}

}  // namespace plateau
