#include "worker/agent/trainer_environment.h"

#include <gtest/gtest.h>

namespace plateau::agent {
namespace {

using Variables = std::vector<std::string>;

const Device kCpu{"cpu", "", 0, "", "cpu"}, kGpu{"cuda:1", "", 0, "1", "GPU-1"};

TEST(TrainerEnvironment, shows_a_gpu_alone) {
  EXPECT_EQ(trainer_environment(kGpu, 0, 4, {}),
            (Variables{"CUDA_VISIBLE_DEVICES=1", "CUDA_DEVICE_ORDER=PCI_BUS_ID",
                       "OMP_NUM_THREADS=4", "GOMP_SPINCOUNT=10000"}));
}

TEST(TrainerEnvironment, threads_are_those_asked_for_then_inherited_then_the_share) {
  EXPECT_EQ(trainer_environment(kCpu, 0, 2, {})[0], "OMP_NUM_THREADS=2");
  EXPECT_EQ(trainer_environment(kCpu, 3, 2, {})[0], "OMP_NUM_THREADS=3");
  EXPECT_EQ(trainer_environment(kCpu, 3, 2, {"8", "", ""})[0], "OMP_NUM_THREADS=3");
  EXPECT_EQ(trainer_environment(kCpu, 0, 2, {"8", "", ""}), Variables{"GOMP_SPINCOUNT=10000"});
}

TEST(TrainerEnvironment, how_threads_wait_is_the_workers_when_it_was_told) {
  EXPECT_EQ(trainer_environment(kCpu, 0, 2, {"", "active", ""}), Variables{"OMP_NUM_THREADS=2"});
  EXPECT_EQ(trainer_environment(kCpu, 0, 2, {"", "", "7"}), Variables{"OMP_NUM_THREADS=2"});
}

}  // namespace
}  // namespace plateau::agent
