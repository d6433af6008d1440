// Rotary position embeddings (Su et al. 2021, arXiv 2104.09864) with Hugging Face's scaling.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <ATen/core/Tensor.h>
#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau::trainer {

// Angles per position and pair of dimensions, float32 [head width / 2], as config.json's rope_theta
// and rope_scaling say (or rope_parameters, which is both): default, linear (Chen et al. 2023,
// arXiv 2306.15595), llama3 (Dubey et al. 2024, arXiv 2407.21783), yarn (Peng et al. 2023, arXiv
// 2309.00071), longrope (Ding et al. 2024, arXiv 2402.13753; also what GGUF files have of llama3's)
// with its short factors, and dynamic, which within max_position_embeddings is the default.
// kInvalidArgument: as check_rope (common/spec/base_settings.h); kCorrupt: a number that it needs
// is missing.
Result<at::Tensor> rotary_frequencies(const nlohmann::json& config, const std::string& where,
                                      std::int64_t head_width);

// What cosines and sines are multiplied with: above 1 for yarn and longrope, which so scale
// attention's scores.
double rotary_magnitude(const nlohmann::json& config);

// The longest text that these frequencies are for, where that is less than
// max_position_embeddings: beyond it longrope has factors of its own.
std::optional<std::int64_t> rotary_longest(const nlohmann::json& config);

// cos and sin of one pass [N, head width], both halves alike, in `dtype`.
struct Rotation2d {
  at::Tensor cosines, sines;
};
Rotation2d rotation_at(const at::Tensor& positions, const at::Tensor& frequencies,
                       at::ScalarType dtype, double magnitude = 1.0);

// x [N, c] whose first `columns` are heads turned by their rows' positions: the first half of each
// head pairs with the second. The other columns stay. An ordinary autograd function of x.
at::Tensor rotate_front(const at::Tensor& x, std::int64_t columns, const Rotation2d& rotation);

}  // namespace plateau::trainer
