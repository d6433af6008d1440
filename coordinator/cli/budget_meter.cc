#include "coordinator/cli/budget_meter.h"

#include "common/base/text.h"

namespace plateau::cli {
namespace {

constexpr double kMsAnHour = 3'600'000;

std::int64_t devices_in_use(const SchedulerState& state) {
  std::int64_t devices = 0;
  for (const auto& [session, worker] : state.workers) {
    for (const auto& [index, slot] : worker.slots)
      devices += slot.trials.empty() ? 0 : 1;
  }
  return devices;
}

}  // namespace

void BudgetMeter::advance(const SchedulerState& state, TimeMs now_ms) {
  const DurationMs passed = last_ms_ ? now_ms - *last_ms_ : 0;
  last_ms_ = now_ms;
  const std::int64_t devices = devices_in_use(state);
  if (devices > 0) spent_.time_ms += passed;
  spent_.device_ms += devices * passed;
}

std::optional<std::string> BudgetMeter::used_up() const {
  if (budgets_.max_time_ms && spent_.time_ms >= *budgets_.max_time_ms) {
    return "max_time is " + format_duration(*budgets_.max_time_ms) + ", and trials have run for " +
           format_duration(spent_.time_ms);
  }
  const double hours = static_cast<double>(spent_.device_ms) / kMsAnHour;
  if (budgets_.max_gpu_hours && hours >= *budgets_.max_gpu_hours) {
    return "max_gpu_hours is " + format_number(*budgets_.max_gpu_hours) +
           ", and devices have been in use for " + format_duration(spent_.device_ms);
  }
  return std::nullopt;
}

}  // namespace plateau::cli
