// ZeroMQ endpoints: a ROUTER for the coordinator, a DEALER for the worker.
//
// Addresses: "tcp://HOST:PORT" (HOST "*" or an address when binding, port "*" for a free one) and
// "ipc://PATH". For ipc, the folder of PATH must be the caller's own with mode 0700, since whoever
// reaches the socket may speak; bind makes it so.
//
// Queues, message size and lingering are bounded. A worker's end connects again by itself, 100 to
// 200 ms apart; a connection that is silent for 6 s is taken for dead and made anew.
#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/transport/endpoint.h"

namespace plateau {

struct BoundEndpoint {
  std::unique_ptr<Endpoint> endpoint;
  std::string address;  // as bound: the port that was free in place of "*"
};

// kBusy: the address is in use; kInvalidArgument: no such address; kIo: the system said no.
Result<BoundEndpoint> bind_coordinator(const std::string& address);

// Returns at once; the connection is made in the background, and again when it is lost.
Result<std::unique_ptr<Endpoint>> connect_worker(const std::string& address);

}  // namespace plateau
