// Endpoints within one process: the same promises without sockets. For a coordinator and its
// worker in one program, and for tests that cut and heal a connection at will.
#pragma once

#include <memory>

#include "common/transport/endpoint.h"

namespace plateau {

// Owns the queues; must outlive its endpoints. One thread.
class MemoryNetwork {
 public:
  MemoryNetwork();
  ~MemoryNetwork();
  MemoryNetwork(const MemoryNetwork&) = delete;
  MemoryNetwork& operator=(const MemoryNetwork&) = delete;

  // Once.
  std::unique_ptr<Endpoint> coordinator();
  // A new connection each.
  std::unique_ptr<Endpoint> connect_worker();

  // Like a cable pulled: what is under way is lost, workers cannot send, the coordinator's known
  // peers are gone. heal() connects each worker anew, under another peer name.
  void cut();
  void heal();

 private:
  struct State;
  class CoordinatorEnd;
  class WorkerEnd;
  std::unique_ptr<State> state_;
};

}  // namespace plateau
