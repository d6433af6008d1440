// One thread a value. It has been compiled, but not run on a GPU yet: correctness there is tested
// by tests/worker/kernels, which compares with the CPU where a GPU is found.
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/BFloat16.h>

#include "worker/kernels/block_values.h"
#include "worker/kernels/dequantize.h"

namespace plateau::kernels {
namespace {

constexpr int kThreads = 256;

__constant__ float kCode[16] = PLATEAU_NF4_CODE;

__device__ std::int64_t thread_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

template <BlockType format, typename Out>
__global__ void gguf_kernel(const Byte* bytes, std::int64_t begin, std::int64_t count, Out* out) {
  using Format = Block<format>;
  const std::int64_t i = thread_index();
  if (i >= count) return;
  const std::int64_t block = (begin + i) / Format::kValues;
  const int place = static_cast<int>((begin + i) % Format::kValues);
  out[i] = static_cast<Out>(Format::value(bytes + block * Format::kBytes, place));
}

template <typename Out>
__global__ void nf4_kernel(Nf4View view, std::int64_t begin, std::int64_t count, Out* out) {
  const std::int64_t i = thread_index();
  if (i >= count) return;
  const float scale = view.scale((begin + i) / Nf4Blocks::kBlock);
  out[i] = static_cast<Out>(kCode[view.code(begin + i)] * scale);
}

template <BlockType format, typename Out>
void launch(const Byte* bytes, std::int64_t begin, std::int64_t count, Out* out) {
  const auto grid = static_cast<unsigned>((count + kThreads - 1) / kThreads);
  gguf_kernel<format, Out>
      <<<grid, kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(bytes, begin, count, out);
}

template <typename Out>
void dequantize_gguf(const GgufBlocks& blocks, std::int64_t begin, std::int64_t count, Out* out) {
  const Byte* bytes = blocks.bytes.const_data_ptr<Byte>();
  switch (blocks.format) {
    case BlockType::kF32:
      return launch<BlockType::kF32>(bytes, begin, count, out);
    case BlockType::kF16:
      return launch<BlockType::kF16>(bytes, begin, count, out);
    case BlockType::kBF16:
      return launch<BlockType::kBF16>(bytes, begin, count, out);
    case BlockType::kQ4_0:
      return launch<BlockType::kQ4_0>(bytes, begin, count, out);
    case BlockType::kQ4_1:
      return launch<BlockType::kQ4_1>(bytes, begin, count, out);
    case BlockType::kQ5_0:
      return launch<BlockType::kQ5_0>(bytes, begin, count, out);
    case BlockType::kQ5_1:
      return launch<BlockType::kQ5_1>(bytes, begin, count, out);
    case BlockType::kQ8_0:
      return launch<BlockType::kQ8_0>(bytes, begin, count, out);
    case BlockType::kQ4_K:
      return launch<BlockType::kQ4_K>(bytes, begin, count, out);
    case BlockType::kQ6_K:
      return launch<BlockType::kQ6_K>(bytes, begin, count, out);
  }
}

template <typename Out>
void dequantize_as(const QuantizedMatrix& matrix, std::int64_t begin, std::int64_t count,
                   Out* out) {
  if (const auto* blocks = std::get_if<GgufBlocks>(&matrix.blocks)) {
    dequantize_gguf(*blocks, begin, count, out);
  } else {
    const auto grid = static_cast<unsigned>((count + kThreads - 1) / kThreads);
    nf4_kernel<Out><<<grid, kThreads, 0, c10::cuda::getCurrentCUDAStream()>>>(
        view_of(std::get<Nf4Blocks>(matrix.blocks)), begin, count, out);
  }
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

}  // namespace

void dequantize_cuda(const QuantizedMatrix& matrix, std::int64_t begin, const at::Tensor& out) {
  const c10::cuda::CUDAGuard guard(out.device());
  const std::int64_t count = out.numel();
  if (count == 0) return;
  switch (out.scalar_type()) {
    case at::kFloat:
      return dequantize_as(matrix, begin, count, out.mutable_data_ptr<float>());
    case at::kBFloat16:
      return dequantize_as(matrix, begin, count, out.mutable_data_ptr<c10::BFloat16>());
    case at::kDouble:
      return dequantize_as(matrix, begin, count, out.mutable_data_ptr<double>());
    default:
      TORCH_CHECK(false, "a quantised matrix becomes float32, bfloat16 or float64, not ",
                  out.scalar_type());
  }
}

}  // namespace plateau::kernels
