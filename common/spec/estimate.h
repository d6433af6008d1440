// How long a plan will take, from the model's floating-point operations and a rate.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "common/spec/sweep.h"

namespace plateau {

// A rate that a device keeps up, and where the number comes from.
struct ComputeRate {
  double flops_per_s = 80e9;
  // Half of what large float32 products reach on two cores of a server with AVX-512.
  std::string source = "assumed: 80 GFLOP/s in float32, as two CPU cores with AVX-512 may reach";
};

struct TrialEstimate {
  double train_tokens = 0;
  double evaluation_tokens = 0;  // validation, as often as it is evaluated, and test
  double flops = 0;
};

// Splits whose size is open and whose rows are unknown count as nothing; texts of unknown length
// count as max_length tokens.
TrialEstimate estimate_trial(const Trial& trial, const BaseSource& base, const TaskSource& task);

// Seconds that one trial takes on a device.
using TrialSeconds = std::function<double(const Trial& trial, const TrialEstimate& estimate)>;

// Seconds for all trials of a plan, one after the other, but those with these keys.
double estimate_seconds(const SweepPlan& plan, const Sources& sources, const TrialSeconds& seconds,
                        const std::set<std::string>& done = {});

}  // namespace plateau
