// The dtypes of safetensors files, and sizes that cannot overflow. Internal to this folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {

std::optional<DType> dtype_from_name(std::string_view name);
std::vector<std::string> dtype_names();

// Bytes of a tensor; nothing when an extent is negative or the product passes 2^63 - 1.
std::optional<std::uint64_t> checked_size_bytes(DType dtype,
                                                const std::vector<std::int64_t>& shape);

// "[2, 3]", for messages.
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace plateau::trainer
