// What a trainer's environment has beside the worker's own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/agent/devices.h"

namespace plateau::agent {

// Variables of the worker that its trainers inherit; empty: it has none of that name.
struct InheritedThreads {
  std::string omp_num_threads, omp_wait_policy, gomp_spincount;
};
InheritedThreads inherited_threads();

// "NAME=value" for the trainer on `device`: the device alone is visible to it, and the OpenMP
// threads are `threads` (0: `share`, unless the worker inherited a number). A thread that waits for
// another gives its core up soon, unless the worker was told otherwise: the default of libgomp
// spins for milliseconds, which makes a step several times slower where the machine has other work.
std::vector<std::string> trainer_environment(const Device& device, std::int64_t threads,
                                             std::int64_t share, const InheritedThreads& inherited);

}  // namespace plateau::agent
