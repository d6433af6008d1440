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

constexpr double kQuick = 1.702;        // of the logistic curve that is near GELU
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

// By LibTorch's operations: any device, any layout.
at::Tensor curve_of(Curve curve, const at::Tensor& x) {
  switch (curve) {
    case Curve::kGelu:
      return at::gelu(x);
    case Curve::kGeluTanh:
      return at::gelu(x, "tanh");
    case Curve::kQuickGelu:
      return x * at::sigmoid(x * kQuick);
    case Curve::kRelu:
      return at::relu(x);
    case Curve::kSilu:
      return at::silu(x);
    case Curve::kTanh:
      return at::tanh(x);
    case Curve::kNone:
      break;
  }
  return x;
}

at::Tensor curve_back(Curve curve, const at::Tensor& x, const at::Tensor& gradient) {
  switch (curve) {
    case Curve::kGelu:
      return at::gelu_backward(gradient, x);
    case Curve::kGeluTanh:
      return at::gelu_backward(gradient, x, "tanh");
    case Curve::kQuickGelu: {
      const at::Tensor share = at::sigmoid(x * kQuick);
      return gradient * share * (x * kQuick * (1.0 - share) + 1.0);
    }
    case Curve::kRelu:
      return at::threshold_backward(gradient, x, 0.0);
    case Curve::kSilu:
      return at::silu_backward(gradient, x);
    case Curve::kTanh:
      return at::tanh_backward(gradient, at::tanh(x));
    case Curve::kNone:
      break;
  }
  return gradient;
}

// The loops of this folder for it, if there are some: they beat LibTorch's operations.
using Loop = at::Tensor (*)(const at::Tensor& x, const at::Tensor& gradient);
Loop cpu_loop(const Activation& activation, const at::Tensor& x) {
  if (!x.device().is_cpu()) return nullptr;
  if (activation.is_gated) return activation.curve == Curve::kSilu ? swiglu_cpu : nullptr;
  return activation.curve == Curve::kGelu ? gelu_cpu : nullptr;
}

}  // namespace

at::Tensor activate(const Activation& activation, const at::Tensor& x) {
  if (activation.curve == Curve::kNone) return x;
  TORCH_CHECK(x.is_contiguous(), "activations read rows without gaps");
  if (const Loop loop = cpu_loop(activation, x)) return loop(x, {});
  if (!activation.is_gated) return curve_of(activation.curve, x);
  const std::int64_t width = x.size(1) / 2;
  return curve_of(activation.curve, x.narrow(1, 0, width)) * x.narrow(1, width, width);
}

at::Tensor activate_back(const Activation& activation, const at::Tensor& x,
                         const at::Tensor& gradient) {
  if (activation.curve == Curve::kNone) return gradient;
  TORCH_CHECK(x.is_contiguous() && gradient.is_contiguous(), "activations read rows without gaps");
  if (const Loop loop = cpu_loop(activation, x)) return loop(x, gradient);
  if (!activation.is_gated) return curve_back(activation.curve, x, gradient);
  const std::int64_t width = x.size(1) / 2;
  const at::Tensor gate = x.narrow(1, 0, width), up = x.narrow(1, width, width);
  return at::cat({curve_back(activation.curve, gate, gradient * up),
                  gradient * curve_of(activation.curve, gate)},
                 1);
}

}  // namespace plateau::kernels
