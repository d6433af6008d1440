#include "worker/agent/trainer_environment.h"

#include <cstdlib>

namespace plateau::agent {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

InheritedThreads inherited_threads() {
  return {variable("OMP_NUM_THREADS"), variable("OMP_WAIT_POLICY"), variable("GOMP_SPINCOUNT")};
}

std::vector<std::string> trainer_environment(const Device& device, std::int64_t threads,
                                             std::int64_t share,
                                             const InheritedThreads& inherited) {
  std::vector<std::string> environment;
  if (!device.visible_as.empty()) {
    environment.push_back("CUDA_VISIBLE_DEVICES=" + device.visible_as);
    environment.emplace_back("CUDA_DEVICE_ORDER=PCI_BUS_ID");
  }
  if (threads > 0 || inherited.omp_num_threads.empty())
    environment.push_back("OMP_NUM_THREADS=" + std::to_string(threads > 0 ? threads : share));
  if (inherited.omp_wait_policy.empty() && inherited.gomp_spincount.empty())
    environment.emplace_back("GOMP_SPINCOUNT=10000");
  return environment;
}

}  // namespace plateau::agent
