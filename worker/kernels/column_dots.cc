#include "worker/kernels/column_dots.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "worker/kernels/cpu_loops.h"
#include "worker/kernels/loops_of.h"

namespace plateau::kernels {
namespace {

constexpr std::int64_t kRows = 128;  // that are summed up before others are added

const char* row_of(const at::Tensor& tensor, std::int64_t row) {
  return static_cast<const char*>(tensor.const_data_ptr()) +
         row * tensor.stride(0) * tensor.element_size();
}

at::Tensor dots_of_blocks(const at::Tensor& a, const at::Tensor& b, const at::Tensor& minus,
                          const at::Tensor& factor, const at::Tensor& out) {
  const ColumnDotsLoop loop = loops_of(cpu_loops().column_dots, a.scalar_type(), "column_dots");
  const std::int64_t blocks = (a.size(0) + kRows - 1) / kRows;
  const at::Tensor sums = at::zeros({blocks, a.size(1)}, minus.options());
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * kRows;
      ColumnDotsTask task;
      task.rows = std::min(kRows, a.size(0) - first);
      task.columns = a.size(1);
      task.a = row_of(a, first);
      task.b = row_of(b, first);
      task.a_stride = a.stride(0);
      task.b_stride = b.stride(0);
      task.minus = minus.const_data_ptr();
      task.sums = static_cast<char*>(sums.data_ptr()) + block * a.size(1) * sums.element_size();
      if (factor.defined()) {
        task.factor = factor.const_data_ptr();
        task.out = const_cast<char*>(row_of(out, first));
        task.out_stride = out.stride(0);
      }
      loop(task);
    }
  });
  return sums.sum(0);
}

at::Tensor dots(const at::Tensor& a, const at::Tensor& b, const at::Tensor& minus,
                const at::Tensor& factor, at::Tensor out) {
  const auto dtype = a.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor less = minus.defined() ? minus.detach().to(dtype).contiguous()
                                          : at::zeros({a.size(1)}, a.options().dtype(dtype));
  if (!a.device().is_cpu()) {
    if (factor.defined()) at::mul_out(out, a, factor.to(a.dtype()));
    return (a.to(dtype) * (b.to(dtype) - less)).sum(0);
  }
  const auto fits = [&](const at::Tensor& other) {
    return other.sizes() == a.sizes() && other.stride(1) == 1 &&
           other.scalar_type() == a.scalar_type();
  };
  TORCH_CHECK(a.dim() == 2 && fits(a) && fits(b) && (!factor.defined() || fits(out)),
              "column_dots takes matrices of one dtype and shape");
  const at::Tensor by = factor.defined() ? factor.detach().to(dtype).contiguous() : factor;
  return dots_of_blocks(a, b, less, by, out);
}

}  // namespace

at::Tensor column_dots(const at::Tensor& a, const at::Tensor& b, const at::Tensor& minus) {
  return dots(a, b, minus, {}, {});
}

at::Tensor rescale_with_dots(const at::Tensor& a, const at::Tensor& b, const at::Tensor& minus,
                             const at::Tensor& factor, at::Tensor out) {
  return dots(a, b, minus, factor, std::move(out));
}

}  // namespace plateau::kernels
