#include "worker/kernels/activations.h"

#include <algorithm>
#include <type_traits>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "worker/kernels/cpu_loops.h"
#include "worker/kernels/loops_of.h"

namespace plateau::kernels {
namespace {

const ActivationLoopsOf& loops_for(const at::Tensor& x) {
  return loops_of(cpu_loops().activations, x.scalar_type(), "an activation");
}

constexpr std::int64_t kGrain = 16384;  // elements that are worth a thread

template <typename T>
T* at_element(T* data, std::int64_t place, const at::Tensor& of) {
  using Char = std::conditional_t<std::is_const_v<T>, const char, char>;
  return static_cast<Char*>(data) + place * of.element_size();
}

// gradient undefined: forward.
at::Tensor gelu_cpu(const at::Tensor& x, const at::Tensor& gradient) {
  const ActivationLoopsOf& loops = loops_for(x);
  const at::Tensor out = at::empty_like(x);
  at::parallel_for(0, x.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    ActivationTask task;
    task.count = end - begin;
    task.x = at_element(x.const_data_ptr(), begin, x);
    task.out = at_element(out.data_ptr(), begin, x);
    if (gradient.defined()) task.gradient = at_element(gradient.const_data_ptr(), begin, x);
    (gradient.defined() ? loops.gelu_back : loops.gelu)(task);
  });
  return out;
}

at::Tensor swiglu_cpu(const at::Tensor& x, const at::Tensor& gradient) {
  const ActivationLoopsOf& loops = loops_for(x);
  const std::int64_t rows = x.size(0), width = x.size(1) / 2;
  const at::Tensor out =
      gradient.defined() ? at::empty_like(x) : at::empty({rows, width}, x.options());
  const std::int64_t grain = std::max<std::int64_t>(1, kGrain / width);
  at::parallel_for(0, rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      ActivationTask task;
      task.count = width;
      task.x = at_element(x.const_data_ptr(), row * 2 * width, x);
      task.up = at_element(x.const_data_ptr(), row * 2 * width + width, x);
      task.out = at_element(out.data_ptr(), row * out.size(1), x);
      if (gradient.defined()) {
        task.up_gradient = at_element(out.data_ptr(), row * 2 * width + width, x);
        task.gradient = at_element(gradient.const_data_ptr(), row * width, x);
      }
      (gradient.defined() ? loops.swiglu_back : loops.swiglu)(task);
    }
  });
  return out;
}

}  // namespace

at::Tensor activate(Activation activation, const at::Tensor& x) {
  if (activation == Activation::kNone) return x;
  const bool cpu = x.device().is_cpu();
  TORCH_CHECK(x.is_contiguous(), "activations read rows without gaps");
  switch (activation) {
    case Activation::kGelu:
      return cpu ? gelu_cpu(x, {}) : at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kSwiglu:
    case Activation::kNone:
      break;
  }
  if (cpu) return swiglu_cpu(x, {});
  const std::int64_t width = x.size(1) / 2;
  return at::silu(x.narrow(1, 0, width)) * x.narrow(1, width, width);
}

at::Tensor activate_back(Activation activation, const at::Tensor& x, const at::Tensor& gradient) {
  if (activation == Activation::kNone) return gradient;
  const bool cpu = x.device().is_cpu();
  TORCH_CHECK(x.is_contiguous() && gradient.is_contiguous(), "activations read rows without gaps");
  switch (activation) {
    case Activation::kGelu:
      return cpu ? gelu_cpu(x, gradient) : at::gelu_backward(gradient, x);
    case Activation::kGeluTanh:
      return at::gelu_backward(gradient, x, "tanh");
    case Activation::kSwiglu:
    case Activation::kNone:
      break;
  }
  if (cpu) return swiglu_cpu(x, gradient);
  const std::int64_t width = x.size(1) / 2;
  const at::Tensor gate = x.narrow(1, 0, width), up = x.narrow(1, width, width);
  return at::cat({at::silu_backward(gradient * up, gate), gradient * at::silu(gate)}, 1);
}

}  // namespace plateau::kernels
