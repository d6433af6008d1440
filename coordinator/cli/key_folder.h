// A sweep's keys on the coordinator's machine: made, listed, added to and revoked.
//
//   keys/coordinator.key   the coordinator's own
//   keys/workers           names and public keys of those who may take part
//   keys/worker.key        a worker's file, to be copied to its machine; NAME.key for others
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/transport/zeromq_endpoint.h"

namespace plateau::cli {

inline constexpr const char* kDefaultKeyFolder = "keys";
// The worker that `keys new` makes; as many workers as one likes may share its file.
inline constexpr const char* kFirstWorker = "worker";

// Makes the folder (mode 0700) with a coordinator's keys and those of one worker. kBusy when there
// are keys already.
Status make_keys(const std::filesystem::path& folder);

// Makes NAME.key, lists it, and returns the file. kBusy when the name is taken.
Result<std::filesystem::path> add_worker(const std::filesystem::path& folder,
                                         const std::string& name);

// Takes the name off the list and removes its file here: a running coordinator refuses the key
// within a second. kNotFound names those there are.
Status remove_worker(const std::filesystem::path& folder, const std::string& name);

// What a coordinator that listens on `address` needs. nullopt: no keys, since nobody but this host
// can reach it and none were asked for, or since `insecure` says so.
Result<std::optional<CoordinatorSecurity>> choose_security(
    const std::string& address, const std::optional<std::filesystem::path>& folder, bool insecure);

}  // namespace plateau::cli
