#include "worker/kernels/low_rank.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "worker/kernels/cpu_loops.h"
#include "worker/kernels/loops_of.h"

namespace plateau::kernels {
namespace {

// Beyond it LibTorch's multiplication and a pass of its own are quicker: a step of LoRA on MiniLM
// by 4 % in float32 and 15 % in bfloat16 at rank 64, on two Xeon cores; at 8 and 32 noise decides.
constexpr std::int64_t kMostRanks = 32;
constexpr std::int64_t kGrain = 16384;  // elements that are worth a thread

const void* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr() : nullptr;
}

void one_pass(const at::Tensor& y, const at::Tensor& s, const at::Tensor& b,
              const at::Tensor& factor, const at::Tensor& rest) {
  const LowRankLoop loop = loops_of(cpu_loops().low_rank, y.scalar_type(), "a low-rank update");
  LowRankTask whole;
  whole.columns = y.size(1);
  whole.rank = s.defined() ? s.size(1) : 0;
  whole.y_stride = y.stride(0);
  whole.b = data_of(b);
  whole.factor = data_of(factor);
  whole.rest = data_of(rest);
  const std::int64_t size = y.element_size();
  const std::int64_t grain = std::max<std::int64_t>(1, kGrain / whole.columns);
  at::parallel_for(0, y.size(0), grain, [&](std::int64_t begin, std::int64_t end) {
    LowRankTask task = whole;
    task.rows = end - begin;
    task.y = static_cast<char*>(y.data_ptr()) + begin * y.stride(0) * size;
    if (task.rank > 0)
      task.s = static_cast<const char*>(s.const_data_ptr()) + begin * task.rank * size;
    loop(task);
  });
}

void by_torch(at::Tensor y, const at::Tensor& factor, const at::Tensor& rest) {
  if (!factor.defined()) return;
  if (!rest.defined()) {
    y.mul_(factor.to(y.dtype()));
  } else {
    at::addcmul_out(y, rest.to(y.dtype()), y, factor.to(y.dtype()));
  }
}

// As the loops read them.
at::Tensor values(const at::Tensor& tensor, const at::Tensor& y) {
  const auto dtype = y.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return tensor.defined() ? tensor.detach().to(dtype).contiguous() : tensor;
}

}  // namespace

void add_low_rank(at::Tensor y, const at::Tensor& s, const at::Tensor& b, double scale,
                  const at::Tensor& factor, const at::Tensor& rest) {
  TORCH_CHECK(factor.defined() || !rest.defined(), "what is left over comes with a factor");
  const at::Tensor rounded = b.to(y.dtype());
  const bool on_cpu = y.device().is_cpu();
  const bool product_first = !on_cpu || s.size(1) > kMostRanks;
  if (product_first) y.addmm_(s, rounded.t(), 1, scale);
  if (!on_cpu) return by_torch(y, factor, rest);
  if (product_first && !factor.defined()) return;
  TORCH_CHECK(y.dim() == 2 && y.stride(1) == 1, "a low-rank update takes rows without gaps");
  if (product_first) return one_pass(y, {}, {}, values(factor, y), values(rest, y));
  const at::Tensor scaled = (values(rounded, y) * scale).t().contiguous();
  one_pass(y, s.contiguous(), scaled, values(factor, y), values(rest, y));
}

}  // namespace plateau::kernels
