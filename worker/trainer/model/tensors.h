// Between safetensors files and LibTorch's tensors.
#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include "common/base/result.h"
#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {

// Tensors by name, on the CPU or the device. Sorted, so that files are the same each time.
using TensorMap = std::map<std::string, at::Tensor>;

// A copy in `options`' dtype and on its device. kInvalidArgument for a dtype without numbers that
// LibTorch can convert (8-bit floats).
Result<at::Tensor> to_tensor(const TensorView& view, const at::TensorOptions& options);

// All tensors of a file in their own dtypes, copied, on the CPU.
Result<TensorMap> read_tensors(const std::filesystem::path& path,
                               std::map<std::string, std::string>* metadata = nullptr);

// Writes atomically; tensors are brought to the CPU and made contiguous. kIo, kInvalidArgument.
Status write_tensors(const std::filesystem::path& path, const TensorMap& tensors,
                     const std::map<std::string, std::string>& metadata);

// float32 | bfloat16 | float64 of a trial's protocol; kInvalidArgument otherwise.
Result<at::ScalarType> dtype_of_precision(const std::string& precision);

}  // namespace plateau::trainer
