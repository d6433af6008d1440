// Keys of a sweep (CURVE, ZeroMQ RFC 26): who may take part, and how both ends know each other.
//
// The coordinator has a key pair and a list of the workers' public keys; a worker has a key pair
// and the coordinator's public key. A file that holds a secret must be readable by its owner alone;
// reading refuses any other. Keys are written in Z85 (RFC 32): 40 characters, no spaces.
//
//   keys/coordinator.key   public Z85      keys/worker.key   public Z85      keys/workers
//                          secret Z85                        secret Z85        NAME Z85
//                                                            coordinator Z85   NAME Z85
//
// Lines that begin with "# " are comments.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace plateau {

inline constexpr std::size_t kKeyCharacters = 40;

struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

struct WorkerKeys {
  KeyPair own;
  std::string coordinator;  // public
};

// By public key, since that is what a worker proves to have; the value is its name.
using WorkerList = std::map<std::string, std::string, std::less<>>;

// kInternal: this ZeroMQ was built without CURVE; the message says what to do.
Status curve_is_there();

// From the system's random numbers.
Result<KeyPair> draw_key_pair();

// All four: kNotFound, kIo; kInvalidArgument when others may read the file (the message has the
// chmod that mends it); kCorrupt with the line when it is not what it should be.
Result<KeyPair> read_coordinator_keys(const std::filesystem::path& file);
Result<WorkerKeys> read_worker_keys(const std::filesystem::path& file);
// No secret in it, but whoever can write it decides who takes part: others may read, not write.
Result<WorkerList> read_worker_list(const std::filesystem::path& file);

// Mode 0600 from the first byte on. kBusy when the file is there already: a key is never lost by
// writing another over it.
Status write_coordinator_keys(const std::filesystem::path& file, const KeyPair& keys);
Status write_worker_keys(const std::filesystem::path& file, const WorkerKeys& keys);
// Atomic, so that a coordinator that looks at it meanwhile sees the old list or the new one.
Status write_worker_list(const std::filesystem::path& file, const WorkerList& workers);

// 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit: a worker's name in
// the list, and its file's.
Status check_worker_name(std::string_view name);

}  // namespace plateau
