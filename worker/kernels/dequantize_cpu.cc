#include <algorithm>
#include <array>

#include <ATen/Parallel.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>

#include "worker/kernels/block_values.h"
#include "worker/kernels/clones.h"
#include "worker/kernels/dequantize.h"

namespace plateau::kernels {
namespace {

constexpr std::int64_t kChunk = 4096;  // values; a multiple of every block

template <BlockType format>
inline __attribute__((always_inline)) void decode(const Byte* __restrict bytes, std::int64_t begin,
                                                  std::int64_t count, float* __restrict out) {
  using Format = Block<format>;
  const Byte* block = bytes + begin / Format::kValues * Format::kBytes;
  for (std::int64_t done = 0; done < count; done += Format::kValues, block += Format::kBytes) {
    for (int i = 0; i < Format::kValues; ++i)
      out[done + i] = Format::value(block, i);
  }
}

// Whole blocks.
PLATEAU_CLONES void decode_gguf(BlockType format, const Byte* bytes, std::int64_t begin,
                                std::int64_t count, float* out) {
  switch (format) {
    case BlockType::kF32:
      return decode<BlockType::kF32>(bytes, begin, count, out);
    case BlockType::kF16:
      return decode<BlockType::kF16>(bytes, begin, count, out);
    case BlockType::kBF16:
      return decode<BlockType::kBF16>(bytes, begin, count, out);
    case BlockType::kQ4_0:
      return decode<BlockType::kQ4_0>(bytes, begin, count, out);
    case BlockType::kQ4_1:
      return decode<BlockType::kQ4_1>(bytes, begin, count, out);
    case BlockType::kQ5_0:
      return decode<BlockType::kQ5_0>(bytes, begin, count, out);
    case BlockType::kQ5_1:
      return decode<BlockType::kQ5_1>(bytes, begin, count, out);
    case BlockType::kQ8_0:
      return decode<BlockType::kQ8_0>(bytes, begin, count, out);
    case BlockType::kQ4_K:
      return decode<BlockType::kQ4_K>(bytes, begin, count, out);
    case BlockType::kQ6_K:
      return decode<BlockType::kQ6_K>(bytes, begin, count, out);
  }
}

constexpr std::array<float, 16> kCode = PLATEAU_NF4_CODE;

// A byte's two values, the high nibble's first.
struct Pair {
  float first, second;
};
std::array<Pair, 256> make_pairs() {
  std::array<Pair, 256> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i)
    pairs[i] = {kCode[i >> 4], kCode[i & 15]};
  return pairs;
}
const std::array<Pair, 256> kPairs = make_pairs();

PLATEAU_CLONES void decode_nf4_block(const Byte* __restrict codes, float scale,
                                     float* __restrict out) {
  float plain[Nf4Blocks::kBlock];
  for (int i = 0; i < Nf4Blocks::kBlock / 2; ++i)
    std::memcpy(plain + 2 * i, &kPairs[codes[i]], sizeof(Pair));
  for (int i = 0; i < Nf4Blocks::kBlock; ++i)
    out[i] = plain[i] * scale;
}

// Any range: rows may begin and end inside a block.
void decode_nf4(const Nf4View& view, std::int64_t begin, std::int64_t count, float* out) {
  const std::int64_t end = begin + count;
  for (std::int64_t at = begin; at < end;) {
    const std::int64_t block = at / Nf4Blocks::kBlock;
    const std::int64_t stop = std::min(end, (block + 1) * Nf4Blocks::kBlock);
    const float scale = view.scale(block);
    if (stop - at == Nf4Blocks::kBlock) {
      decode_nf4_block(view.codes + at / 2, scale, out + (at - begin));
    } else {
      for (std::int64_t i = at; i < stop; ++i)
        out[i - begin] = kCode[static_cast<std::size_t>(view.code(i))] * scale;
    }
    at = stop;
  }
}

PLATEAU_CLONES void convert(const float* __restrict from, std::int64_t count,
                            c10::BFloat16* __restrict to) {
  for (std::int64_t i = 0; i < count; ++i)
    to[i].x = c10::detail::round_to_nearest_even(from[i]);
}

void convert(const float* from, std::int64_t count, double* to) {
  std::copy(from, from + count, to);
}

// `decode(begin, count, float*)` over values [begin, begin + out.numel()), in chunks.
template <typename Decode>
void fill(std::int64_t begin, const at::Tensor& out, const Decode& decode) {
  const std::int64_t chunks = (out.numel() + kChunk - 1) / kChunk;
  const auto each_chunk = [&](auto&& body) {
    at::parallel_for(0, chunks, 4, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t chunk = first; chunk < last; ++chunk) {
        const std::int64_t at = chunk * kChunk;
        body(at, std::min(kChunk, out.numel() - at));
      }
    });
  };
  const auto converted = [&](auto* to) {
    each_chunk([&](std::int64_t at, std::int64_t count) {
      std::array<float, kChunk> values;  // NOLINT: filled below
      decode(begin + at, count, values.data());
      convert(values.data(), count, to + at);
    });
  };
  switch (out.scalar_type()) {
    case at::kFloat: {
      auto* to = out.mutable_data_ptr<float>();
      return each_chunk(
          [&](std::int64_t at, std::int64_t count) { decode(begin + at, count, to + at); });
    }
    case at::kBFloat16:
      return converted(out.mutable_data_ptr<c10::BFloat16>());
    case at::kDouble:
      return converted(out.mutable_data_ptr<double>());
    default:
      TORCH_CHECK(false, "a quantised matrix becomes float32, bfloat16 or float64, not ",
                  out.scalar_type());
  }
}

}  // namespace

void dequantize_cpu(const QuantizedMatrix& matrix, std::int64_t begin, const at::Tensor& out) {
  if (const auto* blocks = std::get_if<GgufBlocks>(&matrix.blocks)) {
    const Byte* bytes = blocks->bytes.const_data_ptr<Byte>();
    return fill(begin, out, [&](std::int64_t at, std::int64_t count, float* values) {
      decode_gguf(blocks->format, bytes, at, count, values);
    });
  }
  const Nf4View view = view_of(std::get<Nf4Blocks>(matrix.blocks));
  fill(begin, out, [&](std::int64_t at, std::int64_t count, float* values) {
    decode_nf4(view, at, count, values);
  });
}

}  // namespace plateau::kernels
