// ZeroMQ endpoints: a ROUTER for the coordinator, a DEALER for the worker.
//
// Addresses: "tcp://HOST:PORT" (HOST "*" or an address when binding, port "*" for a free one) and
// "ipc://PATH". For ipc, the folder of PATH must be the caller's own with mode 0700, since whoever
// reaches the socket may speak; bind makes it so.
//
// With keys (CURVE, ZeroMQ RFC 26) both ends prove who they are and everything is encrypted; the
// coordinator lets in the workers of its list alone (gatekeeper.h). Whether an address needs keys
// is the caller's to decide (address.h).
//
// Queues, message size and lingering are bounded. A worker's end connects again by itself, 100 to
// 200 ms apart, also after it was refused; a connection that is silent for 6 s is taken for dead
// and made anew.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/transport/endpoint.h"
#include "common/transport/gatekeeper.h"
#include "common/transport/keys.h"

namespace plateau {

struct BoundEndpoint {
  std::unique_ptr<Endpoint> endpoint;
  std::string address;  // as bound: the port that was free in place of "*"
};

struct CoordinatorSecurity {
  KeyPair keys;
  std::filesystem::path worker_list;  // read now, and again whenever it changes
};

struct BindOptions {
  std::optional<CoordinatorSecurity> security;  // nullopt: whoever reaches the address gets in
  RefusalPrint print;                           // of refused connections; called in another thread
};

// kBusy: the address is in use; kInvalidArgument: no such address; kIo: the system said no. With
// security also what read_worker_list() and curve_is_there() say.
Result<BoundEndpoint> bind_coordinator(const std::string& address, BindOptions options = {});

// Returns at once; the connection is made in the background, and again when it is lost. With keys
// it speaks only to the coordinator that has the key named there.
Result<std::unique_ptr<Endpoint>> connect_worker(const std::string& address,
                                                 const std::optional<WorkerKeys>& keys = {});

}  // namespace plateau
