#include "coordinator/store/store.h"

namespace plateau {

Result<PutSweep> Store::put_sweep(const SweepText& sweep, const std::vector<NewTrial>& trials,
                                  TimeMs wall_ms) {
  auto next = trials.begin();
  return put_sweep(
      sweep, [&] { return next == trials.end() ? std::nullopt : std::optional<NewTrial>(*next++); },
      wall_ms);
}

}  // namespace plateau
