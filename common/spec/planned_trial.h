// A trial of a plan. There may be 100,000 of them, so they share what is equal.
#pragma once

#include <memory>
#include <utility>

#include "common/spec/origins.h"
#include "common/spec/shared_trial.h"
#include "common/spec/trial_keys.h"

namespace plateau {

struct PlannedTrial : SharedTrial {
  bool is_baseline = false;
  TrialKeys keys{};
  Origins origins;
};

// Makes planned trials, and one object of all equal parts but the adapter.
class TrialPlanner {
 public:
  PlannedTrial plan(const Trial& trial, std::shared_ptr<const AdapterSpec> adapter,
                    const TrialKeys& keys) {
    PlannedTrial planned;
    static_cast<SharedTrial&>(planned) = sharer_.share(trial, std::move(adapter));
    planned.keys = keys;
    return planned;
  }

 private:
  TrialSharer sharer_;
};

}  // namespace plateau
