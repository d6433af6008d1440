#include "worker/trainer/adapters/dropout.h"

#include <numeric>
#include <string>

#include <ATen/ATen.h>

#include "common/base/random.h"

namespace plateau::trainer {

at::Tensor dropout_mask(double p, const DropoutKey& key, std::string_view place,
                        std::span<const std::int64_t> lengths, std::int64_t width,
                        const at::TensorOptions& options) {
  if (p == 0.0 || !key.training) return {};
  const std::int64_t rows = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  at::Tensor mask = at::empty({rows, width}, at::kFloat);
  float* out = mask.data_ptr<float>();
  // Two 32-bit draws out of each number; p is met to within 2^-32.
  const auto threshold = static_cast<std::uint64_t>(p * 0x1.0p32);
  const auto keep = static_cast<float>(1.0 / (1.0 - p));
  const std::string purpose = "dropout." + std::string(place);
  std::uint64_t sequence = key.first_sequence;
  for (const std::int64_t length : lengths) {
    Random random(derive_seed(key.seed, purpose, {key.step, sequence++}));
    const std::int64_t count = length * width;
    for (std::int64_t i = 0; i < count; i += 2) {
      const std::uint64_t bits = random.next();
      out[i] = (bits >> 32) < threshold ? 0.0F : keep;
      if (i + 1 < count) out[i + 1] = (bits & 0xffffffffU) < threshold ? 0.0F : keep;
    }
    out += count;
  }
  return mask.to(options);
}

}  // namespace plateau::trainer
