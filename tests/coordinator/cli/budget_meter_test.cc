#include "coordinator/cli/budget_meter.h"

#include <gtest/gtest.h>

namespace plateau::cli {
namespace {

constexpr DurationMs kHour = 3'600'000;

// A worker with so many slots, of which the first `busy` train.
SchedulerState with_slots(std::int64_t slots, std::int64_t busy) {
  SchedulerState state;
  WorkerEntry& worker = state.workers[SessionId{7}];
  for (std::int64_t i = 0; i < slots; ++i) {
    SlotEntry& slot = worker.slots[SlotIndex{i}];
    if (i < busy) slot.trials = {TrialId{2 * i + 1}, TrialId{2 * i + 2}};
  }
  return state;
}

Budgets max_time(DurationMs time_ms) {
  Budgets budgets;
  budgets.max_time_ms = time_ms;
  return budgets;
}

TEST(BudgetMeter, counts_devices_that_train_and_a_pack_once) {
  BudgetMeter meter({}, {});
  meter.advance(with_slots(3, 2), 5'000);  // sets the clock
  meter.advance(with_slots(3, 2), 6'000);
  EXPECT_EQ(meter.spent(), (Spent{1'000, 2'000}));
}

TEST(BudgetMeter, waiting_for_workers_costs_nothing) {
  BudgetMeter meter({}, {});
  meter.advance(with_slots(2, 0), 0);
  meter.advance(with_slots(2, 0), kHour);
  meter.advance({}, 2 * kHour);
  EXPECT_EQ(meter.spent(), Spent{});
}

TEST(BudgetMeter, max_time_is_over_all_lives_of_the_coordinator) {
  BudgetMeter meter(max_time(8 * kHour), {7 * kHour, 14 * kHour});
  EXPECT_FALSE(meter.used_up());
  meter.advance(with_slots(1, 1), 0);
  meter.advance(with_slots(1, 1), kHour - 1);
  EXPECT_FALSE(meter.used_up());
  meter.advance(with_slots(1, 1), kHour);
  EXPECT_EQ(meter.used_up().value_or(""), "max_time is 8 h 00 m, and trials have run for 8 h 00 m");
}

TEST(BudgetMeter, max_gpu_hours_sums_over_devices) {
  Budgets budgets;
  budgets.max_gpu_hours = 1.5;
  BudgetMeter meter(budgets, {});
  meter.advance(with_slots(2, 2), 0);
  meter.advance(with_slots(2, 2), kHour / 2);
  EXPECT_FALSE(meter.used_up());
  meter.advance(with_slots(2, 2), 3 * kHour / 4);
  EXPECT_EQ(meter.used_up().value_or(""),
            "max_gpu_hours is 1.5, and devices have been in use for 1 h 30 m");
}

TEST(BudgetMeter, without_a_budget_nothing_is_used_up) {
  BudgetMeter meter({}, {1'000 * kHour, 1'000 * kHour});
  EXPECT_FALSE(meter.used_up());
}

}  // namespace
}  // namespace plateau::cli
