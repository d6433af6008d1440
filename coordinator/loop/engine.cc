#include "coordinator/loop/engine.h"

#include <iterator>
#include <map>
#include <utility>
#include <variant>

namespace plateau {
namespace {

// Frames of one transaction: enough to share its disk sync, few enough to keep answers quick.
constexpr int kFramesPerRound = 1024;

// The last Ack of each session says what those before it say; a group holds hundreds.
std::map<SessionId, const Action*> last_acks(const std::vector<Action>& actions) {
  std::map<SessionId, const Action*> last;
  for (const Action& action : actions) {
    if (const auto* ack = std::get_if<action::Ack>(&action)) last[ack->session] = &action;
  }
  return last;
}

}  // namespace

Engine::Engine(EngineParts parts) : parts_(std::move(parts)) {}

Result<std::vector<RestoredSession>> Engine::restore(bool more_expected) {
  Result<event::Restored> restored = parts_.store.restore(parts_.clock.wall_ms());
  if (!restored) return restored.error();
  parts_.gateway.clean_up_after_crash(restored->trials);
  restored->more_expected = more_expected;
  std::vector<RestoredSession> sessions = restored->sessions;
  posted_.push_front(std::move(*restored));
  return sessions;
}

void Engine::post(Event event) {
  posted_.push_back(std::move(event));
}

void Engine::schedule(const Event& event, std::vector<Action>& actions) {
  std::vector<Action> more = parts_.scheduler.apply(event, parts_.clock.monotonic_ms());
  actions.insert(actions.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
}

// What the observer asks for comes before the next event: a trial that is stopped at an evaluation
// has no later one, whether that was in the same round or not.
void Engine::apply(const Event& event, std::vector<Action>& actions) {
  const std::size_t first = actions.size();
  schedule(event, actions);
  observe(actions, first);
}

// Each frame's event is applied before the next frame is looked at: whether a result may touch its
// trial's folder depends on all that came before it.
Status Engine::apply_frames(std::vector<Action>& actions, int& frames) {
  for (frames = 0; frames < kFramesPerRound; ++frames) {
    const std::optional<Frame> frame = parts_.endpoint.receive();
    if (!frame) return {};
    Result<std::optional<Event>> event = parts_.gateway.take(*frame);
    if (!event) return event.error();
    if (event->has_value()) apply(**event, actions);
  }
  return {};
}

// Until what the observer asks for leads to nothing that it has not seen.
void Engine::observe(std::vector<Action>& actions, std::size_t seen) {
  if (!parts_.observe) return;
  while (seen < actions.size()) {
    std::vector<const Record*> records;
    for (; seen < actions.size(); ++seen) {
      if (const auto* commit = std::get_if<action::Commit>(&actions[seen])) {
        records.push_back(&commit->record);
      }
    }
    if (records.empty()) return;
    const std::vector<Event> events = parts_.observe(records);
    for (const Event& event : events)
      schedule(event, actions);
  }
}

Status Engine::commit(const std::vector<Action>& actions) {
  std::vector<Record> records;
  for (const Action& action : actions) {
    if (const auto* commit = std::get_if<action::Commit>(&action)) {
      records.push_back(commit->record);
    }
  }
  if (records.empty()) return {};
  Status committed = parts_.store.commit(records, parts_.clock.wall_ms());
  if (!committed) return committed;
  for (const Record& record : records) {
    if (const auto* note = std::get_if<record::Note>(&record)) parts_.log(note->text);
  }
  return {};
}

Result<bool> Engine::round() {
  std::vector<Action> actions;
  while (!posted_.empty()) {
    const Event event = std::move(posted_.front());
    posted_.pop_front();
    apply(event, actions);
  }
  int frames = 0;
  if (Status applied = apply_frames(actions, frames); !applied) return applied.error();
  for (const Event& lost : parts_.gateway.take_lost())
    apply(lost, actions);

  // Commit before you speak: once a worker has heard an acknowledgement it forgets its report, so
  // what we acknowledge must survive our death in the next instant.
  if (Status committed = commit(actions); !committed) return committed.error();

  const std::map<SessionId, const Action*> acks = last_acks(actions);
  for (const Action& action : actions) {
    const auto* ack = std::get_if<action::Ack>(&action);
    if (ack != nullptr && acks.at(ack->session) != &action) continue;
    parts_.gateway.perform(action);
    if (const auto* end = std::get_if<action::RunEnded>(&action)) end_ = *end;
  }
  const bool sent = parts_.gateway.flush();
  return frames > 0 || !actions.empty() || sent;
}

std::optional<action::RunEnded> Engine::take_end() {
  return std::exchange(end_, std::nullopt);
}

}  // namespace plateau
