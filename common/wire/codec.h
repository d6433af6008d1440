// Bytes <-> checked messages. What decode_* hands out obeys every limit below, so the code behind
// it never meets a message without a body, an oversized list, or a name that leaves its folder.
//
// Pure; thread-safe. Messages are plateau.proto; PROTOCOL.md tells their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/wire/plateau.pb.h"

namespace plateau::wire {

// Raised with every change that an older program would misread. Both sides must have the same.
inline constexpr std::uint32_t kProtocolVersion = 1;

// A whole message. Transports refuse longer frames before they allocate for them.
inline constexpr std::size_t kMaxMessageBytes = std::size_t{1} << 20;
// ArtifactChunk.data and ResumeData.data.
inline constexpr std::size_t kMaxChunkBytes = std::size_t{256} << 10;
// Artifact.size_bytes: more than a full fine-tune of a 7B base in 16 bits.
inline constexpr std::uint64_t kMaxArtifactBytes = std::uint64_t{16} << 30;
inline constexpr int kMaxSlots = 1024;
inline constexpr int kMaxAttempts = 8192;          // of one list of attempts
inline constexpr int kMaxArtifacts = 64;           // of one trial
inline constexpr std::size_t kMaxNameBytes = 255;  // worker, host, device, metric, artifact names

// The message's bytes. kInternal when it breaks a limit: then the sender has a bug, or a text (an
// error message, a result) must be cut before.
Result<std::string> encode(const FromWorker& message);
Result<std::string> encode(const FromCoordinator& message);

// kCorrupt says which field is wrong. Unknown fields are ignored, an unknown body is refused.
// Hello's protocol version is not judged here: the coordinator answers it with Refused.
Result<FromWorker> decode_from_worker(std::string_view bytes);
Result<FromCoordinator> decode_from_coordinator(std::string_view bytes);

// An artifact's name: relative, '/'-separated parts of letters, digits and "._-", none of them
// "." or "..", none starting with ".", at most kMaxNameBytes. kInvalidArgument otherwise.
Status check_artifact_name(std::string_view name);

// How a checkpoint is named on the wire, "checkpoint/step-120", so that its bytes alone say what
// they are; and back. nullopt for every other name.
std::string checkpoint_name(std::int64_t step);
std::optional<std::int64_t> checkpoint_step(std::string_view name);

// The error a coordinator answers to a worker of another protocol version (kVersion).
Error version_mismatch(std::uint32_t worker_version, std::string_view worker_program_version);

// Cuts text at a UTF-8 character boundary to at most max_bytes and replaces bytes that are no UTF-8
// by '?': what a trainer printed becomes fit for a message.
std::string clip_text(std::string_view text, std::size_t max_bytes);

}  // namespace plateau::wire
