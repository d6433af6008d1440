// What this node can train on, found without LibTorch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"

namespace plateau::agent {

struct Device {
  std::string name;         // "cpu", "cuda:0"
  std::string description;  // "AMD EPYC 7B13, 2 threads", "NVIDIA H200"
  std::int64_t memory_bytes = 0;
  std::string visible_as;  // CUDA_VISIBLE_DEVICES for its trainer; empty for the CPU
  std::string unique_id;   // the same for every process of the node: a GPU's UUID
};

// How the CPU looks to this process: its cores after affinity, its memory.
Device cpu_device();
// Threads that this process may run at once.
int cpu_threads();

// In CUDA's order. Respects CUDA_VISIBLE_DEVICES (the empty text hides all). Asks nvidia-smi, and
// /proc/driver/nvidia where there is none. Blocks for about a second where there are GPUs.
std::vector<Device> cuda_devices();

// `nvidia-smi --query-gpu=index,uuid,name,memory.total --format=csv,noheader,nounits`. Pure.
std::vector<Device> parse_nvidia_smi(const std::string& csv);
// Those of `all` that CUDA_VISIBLE_DEVICES (indices or UUIDs) names, renamed to cuda:0, 1, ... Like
// CUDA, it stops at the first name that means no device. Pure.
std::vector<Device> visible_devices(const std::vector<Device>& all, const std::string& visible);

// "auto" (every GPU, or the CPU), "cpu", "cuda" (every GPU), "cuda:0,cuda:2".
// kInvalidArgument says what there is.
Result<std::vector<Device>> choose_devices(const std::string& wanted,
                                           const std::vector<Device>& cuda);

// One owner a GPU: a lock in this user's runtime folder ($XDG_RUNTIME_DIR/plateau, or
// /tmp/plateau-<uid>, mode 0700). The CPU is shared by the kernel and is not locked. kBusy.
Result<std::vector<FileLock>> lock_devices(const std::vector<Device>& devices);

}  // namespace plateau::agent
