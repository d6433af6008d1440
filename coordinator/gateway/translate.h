// Messages of the wire <-> events and actions of the scheduler. Pure: field by field, no decision.
#pragma once

#include <optional>
#include <string>

#include "common/wire/codec.h"
#include "coordinator/scheduler/actions.h"
#include "coordinator/scheduler/events.h"

namespace plateau {

// A decoded message as an event; nullopt for a chunk, which is no event.
std::optional<Event> to_event(const wire::FromWorker& message);

AttemptRef to_attempt(const wire::AttemptRef& attempt);
void set_attempt(const AttemptRef& attempt, wire::AttemptRef* message);

wire::FromCoordinator to_message(const action::Welcome& welcome, std::uint64_t coordinator_run);
wire::FromCoordinator to_message(const action::Refuse& refuse);
// `resume` of the action is left out when `with_resume` is false: its bytes are gone.
wire::FromCoordinator to_message(const action::Assign& assign, std::string trial_json,
                                 bool with_resume);
wire::FromCoordinator to_message(const action::Cancel& cancel);
wire::FromCoordinator to_message(const action::Ack& ack);
wire::FromCoordinator to_message(const action::HeartbeatReply& reply);
wire::FromCoordinator to_message(const action::StopWorker& stop);

}  // namespace plateau
