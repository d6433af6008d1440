#include "tests/simulation/world.h"

#include <algorithm>

#include "tests/simulation/simulation.h"

namespace plateau::simulation {
namespace {

std::uint64_t bits(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

}  // namespace

void World::probe(const char* name) {
  probes_.insert(name);
  if (std::find(kProbes.begin(), kProbes.end(), std::string_view(name)) == kProbes.end()) {
    broken(std::string("the probe '") + name + "' is not in kProbes (simulation.h); add it there");
  }
}

void World::mix(const Action& action) {
  mix(action.index());
  mix(bits(timeline.now()));
  if (const auto* commit = std::get_if<action::Commit>(&action)) {
    mix(commit->record.index());
    if (const auto* changed = std::get_if<record::TrialChanged>(&commit->record)) {
      mix(bits(changed->trial.value) << 8 | static_cast<std::uint64_t>(changed->status));
    }
    if (const auto* session = std::get_if<record::Session>(&commit->record)) {
      mix(session->acked_sequence);
    }
  }
  if (const auto* assign = std::get_if<action::Assign>(&action)) {
    mix(bits(assign->attempt.trial.value));
    mix(bits(assign->attempt.attempt.value));
    mix(bits(assign->session.value));
    mix(bits(assign->slot.value));
  }
}

}  // namespace plateau::simulation
