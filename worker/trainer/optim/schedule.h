// Learning-rate schedules as a factor on the base rate.
#pragma once

#include <cstdint>
#include <string>

namespace plateau::trainer {

struct Schedule {
  std::string shape = "linear";  // constant | linear | cosine, after the warm-up
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 1;
};

// Of optimizer step `step`, counted from 0: rises linearly over the warm-up, then stays at 1, falls
// linearly to 0 at total_steps, or follows half a cosine to 0. As in Hugging Face's schedulers.
double schedule_factor(const Schedule& schedule, std::int64_t step);

}  // namespace plateau::trainer
