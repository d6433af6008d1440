// Between plateau.proto's messages and the state machine's events and actions. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/wire/codec.h"
#include "worker/agent/agent_actions.h"
#include "worker/agent/agent_events.h"

namespace plateau::agent {

// What Hello says of this worker, whatever it holds.
struct SlotDescription {
  std::string device;       // "cpu", "cuda:0"
  std::string device_name;  // "AMD EPYC, 2 threads"
  std::int64_t memory_bytes = 0;
  std::int64_t pack_limit = 1;
};

struct WorkerDescription {
  SessionId session;
  std::string name;
  std::string host;
  std::string program_version;
  std::int64_t pid = 0;
  DurationMs heartbeat_ms = 0;
  std::vector<SlotDescription> slots;
};

// Every message that decode_from_coordinator lets through has an event.
FromCoordinator event_from(const wire::FromCoordinator& message);

wire::FromWorker hello_message(const WorkerDescription& worker, const SendHello& hello);
wire::FromWorker heartbeat_message(SessionId session, const SendHeartbeat& heartbeat);
// Texts too long for the wire are cut.
wire::FromWorker report_message(SessionId session, const Report& report);
wire::FromWorker chunk_message(SessionId session, const SendChunk& chunk, std::string data);
wire::FromWorker goodbye_message(SessionId session, const SendGoodbye& goodbye);

// A report as the spool keeps it.
wire::Report to_wire(const Report& report);
// Artifacts come back without their paths.
Result<Report> report_from_wire(const wire::Report& report);

}  // namespace plateau::agent
