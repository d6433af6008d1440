#include "worker/kernels/quantize_nf4.h"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "worker/kernels/block_values.h"

namespace plateau::kernels {
namespace {

// Values in blocks, and each block's largest magnitude.
struct Scaled {
  at::Tensor values;  // float32, flat, in [-1, 1]
  at::Tensor maxima;  // float32 [blocks]
};

// The last block may be short.
Scaled scale_blocks(const at::Tensor& flat, std::int64_t block) {
  const std::int64_t blocks = (flat.numel() + block - 1) / block;
  const at::Tensor padded = at::constant_pad_nd(flat, {0, blocks * block - flat.numel()});
  const at::Tensor rows = padded.view({blocks, block});
  const at::Tensor maxima = rows.abs().amax(1);
  // Whole blocks are multiplied with the reciprocal, as bitsandbytes does: it decides ties.
  const at::Tensor scaled = rows * maxima.clamp_min(1e-38).reciprocal().unsqueeze(1);
  return {scaled.clamp(-1, 1).view(-1).narrow(0, 0, flat.numel()), maxima};
}

// The index of the nearest entry of an ascending code; a value in the middle goes down.
at::Tensor nearest(const at::Tensor& values, const at::Tensor& code) {
  const std::int64_t last = code.numel() - 1;
  const at::Tensor middles = (code.narrow(0, 0, last) + code.narrow(0, 1, last)) / 2;
  return at::bucketize(values, middles).to(at::kByte);
}

// The scales' codes as bitsandbytes' CPU code chooses them: the nearest entry not of a value itself
// but of its place on a grid of 65536 over [-1, 1]; blocks of nothing but zeros get code 0.
at::Tensor scale_codes(const Scaled& scales, const at::Tensor& code) {
  const at::Tensor place = ((scales.values + 1.0) * 32767.5 + 0.5).floor();
  const at::Tensor on_grid = (place.to(at::kDouble) / 65535.0 * 2.0 - 1.0).to(at::kFloat);
  const at::Tensor is_zero =
      scales.maxima.eq(0.0).repeat_interleave(Nf4Blocks::kScaleBlock).narrow(0, 0, place.numel());
  return nearest(on_grid, code).masked_fill(is_zero, 0);
}

}  // namespace

at::Tensor dynamic_code() {
  std::vector<at::Tensor> parts = {at::zeros({1}), at::ones({1})};
  for (int exponent = -6; exponent <= 0; ++exponent) {
    // Each decade is cut into twice as many steps as the one below.
    const at::Tensor edges = at::linspace(0.1, 1.0, (1 << (exponent + 6)) + 1, at::kFloat);
    const std::int64_t steps = edges.numel() - 1;
    const at::Tensor means = (edges.narrow(0, 0, steps) + edges.narrow(0, 1, steps)) / 2.0;
    const at::Tensor decade = means * std::pow(10.0, exponent);
    parts.push_back(decade);
    parts.push_back(-decade);
  }
  return std::get<0>(at::cat(parts).sort());
}

QuantizedMatrix quantize_nf4(const at::Tensor& weight) {
  const at::NoGradGuard no_grad;
  const at::Tensor flat = weight.to(at::kFloat).contiguous().view(-1);
  const at::Tensor code = at::tensor(std::vector<float>(PLATEAU_NF4_CODE)).to(weight.device());
  const Scaled values = scale_blocks(flat, Nf4Blocks::kBlock);
  // An odd last value shares its byte with the code of zero.
  const at::Tensor codes =
      nearest(at::constant_pad_nd(values.values, {0, flat.numel() % 2}), code).view({-1, 2});

  Nf4Blocks blocks;
  blocks.codes = codes.select(1, 0).bitwise_left_shift(4).bitwise_or(codes.select(1, 1));
  const at::Tensor mean = values.maxima.mean();
  const Scaled scales = scale_blocks(values.maxima - mean, Nf4Blocks::kScaleBlock);
  blocks.scale_code = dynamic_code().to(weight.device());
  blocks.scales = scale_codes(scales, blocks.scale_code);
  blocks.scale_maxima = scales.maxima;
  blocks.scale_mean = mean.item<float>();
  return {weight.size(0), weight.size(1), std::move(blocks)};
}

}  // namespace plateau::kernels
