// Puts a worker together from its options: locks, devices, spool, endpoint, trainers.
#pragma once

#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"
#include "worker/agent/agent_loop.h"
#include "worker/agent/worker_options.h"

namespace plateau::agent {

struct Node {
  std::vector<FileLock> locks;  // the folder's and the GPUs'; held as long as the worker lives
  LoopOptions options;
  LoopParts parts;
};

// Everything that can be wrong before the first message: kNotFound (no trainer program), kBusy
// (folder or GPU in use), kInvalidArgument (address, devices), kIo. Blocks for the disk and for
// nvidia-smi.
Result<Node> make_node(const WorkerOptions& options, Print print);

}  // namespace plateau::agent
