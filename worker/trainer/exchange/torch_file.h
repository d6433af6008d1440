// Files of torch.save that hold a dict of tensors: read without running their pickle, and written.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "worker/trainer/model/tensors.h"

namespace plateau::trainer {

// Contiguous float32 tensors on the CPU, whatever the file holds. kNotFound, kCorrupt (anything but
// a dict of tensors), kInvalidArgument (a file from a big-endian machine).
Result<TensorMap> read_torch_file(const std::filesystem::path& path);

// Atomically, as float32, in the given order; names unique. torch.load reads it as an OrderedDict.
// kIo.
Status write_torch_file(const std::filesystem::path& path,
                        const std::vector<std::pair<std::string, at::Tensor>>& tensors);

}  // namespace plateau::trainer
