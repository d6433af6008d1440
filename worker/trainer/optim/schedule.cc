#include "worker/trainer/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace plateau::trainer {

double schedule_factor(const Schedule& schedule, std::int64_t step) {
  const auto at = static_cast<double>(step);
  const auto warmup = static_cast<double>(schedule.warmup_steps);
  if (step < schedule.warmup_steps) return at / std::max(1.0, warmup);
  if (schedule.shape == "constant") return 1.0;
  const double rest = std::max(1.0, static_cast<double>(schedule.total_steps) - warmup);
  const double progress = std::min(1.0, (at - warmup) / rest);
  if (schedule.shape == "cosine") return 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return 1.0 - progress;
}

}  // namespace plateau::trainer
