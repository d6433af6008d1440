// GELU and SwiGLU over elements, forward and backward. Compiled once for each instruction set: see
// vectors.h.
#pragma once

#include "worker/kernels/activation_task.h"
#include "worker/kernels/vectors.h"

namespace plateau::kernels {
namespace {

constexpr std::int64_t kElements = 256;  // in a block that stays in the first-level cache

// Phi(x), the share of the normal distribution below x, and its density.
template <typename T>
struct Normal {
  Vector<T> below, density;
};

// Abramowitz and Stegun 7.1.26: erf to 1.5e-7, and e^(-x^2/2) is there already.
PLATEAU_INLINE Normal<float> normal(Vector<float> x) {
  const Vector<float> size = (x < 0.0F ? -x : x) * 0.70710678118F;
  const Vector<float> t = 1.0F / (1.0F + 0.3275911F * size);
  const Vector<float> e = exponential(-size * size);
  Vector<float> p = t * 1.061405429F - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const Vector<float> tail = 0.5F * p * t * e;
  return {x < 0.0F ? tail : 1.0F - tail, e * 0.39894228040F};
}

PLATEAU_INLINE Normal<double> normal(Vector<double> x) {
  Normal<double> result;
  for (int i = 0; i < VectorOf<double>::kLanes; ++i) {
    result.below[i] = 0.5 * __builtin_erfc(-x[i] * 0.70710678118654752440);
    result.density[i] = __builtin_exp(-0.5 * x[i] * x[i]) * 0.39894228040143267794;
  }
  return result;
}

// 1 / (1 + e^-x), from an exponential that cannot overflow.
template <typename T>
PLATEAU_INLINE Vector<T> logistic(Vector<T> x) {
  constexpr T kOne = 1, kZero = 0;
  const Vector<T> e = exponential(x < kZero ? x : -x);
  return (x < kZero ? e : e * kZero + kOne) / (kOne + e);
}

template <typename T, typename S>
PLATEAU_INLINE void read_block(const void* from, std::int64_t first, std::int64_t count, T* to) {
  const S* at = static_cast<const S*>(from) + first;
  for (std::int64_t i = 0; i < count; ++i)
    to[i] = widen(at[i]);
}

template <typename T, typename S>
PLATEAU_INLINE void write_block(const T* from, std::int64_t first, std::int64_t count, void* to) {
  S* at = static_cast<S*>(to) + first;
  for (std::int64_t i = 0; i < count; ++i)
    narrow(from[i], at[i]);
}

// `each` for every block: where it begins, and how long it is. What stands behind the end of the
// last one is computed as well, and not written.
template <typename Each>
PLATEAU_INLINE void blocks(std::int64_t count, const Each& each) {
  for (std::int64_t first = 0; first < count; first += kElements)
    each(first, count - first < kElements ? count - first : kElements);
}

template <typename T, typename S>
void gelu_loop(const ActivationTask& task) {
  T x[kElements] = {};
  blocks(task.count, [&](std::int64_t first, std::int64_t count) {
    read_block<T, S>(task.x, first, count, x);
    for (int i = 0; i < kElements; i += VectorOf<T>::kLanes)
      store(x + i, load(x + i) * normal(load(x + i)).below);
    write_block<T, S>(x, first, count, task.out);
  });
}

template <typename T, typename S>
void gelu_back_loop(const ActivationTask& task) {
  T x[kElements] = {}, gradient[kElements] = {};
  blocks(task.count, [&](std::int64_t first, std::int64_t count) {
    read_block<T, S>(task.x, first, count, x);
    read_block<T, S>(task.gradient, first, count, gradient);
    for (int i = 0; i < kElements; i += VectorOf<T>::kLanes) {
      const Vector<T> at = load(x + i);
      const Normal<T> share = normal(at);
      store(x + i, load(gradient + i) * (share.below + at * share.density));
    }
    write_block<T, S>(x, first, count, task.out);
  });
}

template <typename T, typename S>
void swiglu_loop(const ActivationTask& task) {
  T gate[kElements] = {}, up[kElements] = {};
  blocks(task.count, [&](std::int64_t first, std::int64_t count) {
    read_block<T, S>(task.x, first, count, gate);
    read_block<T, S>(task.up, first, count, up);
    for (int i = 0; i < kElements; i += VectorOf<T>::kLanes)
      store(gate + i, load(gate + i) * logistic<T>(load(gate + i)) * load(up + i));
    write_block<T, S>(gate, first, count, task.out);
  });
}

template <typename T, typename S>
void swiglu_back_loop(const ActivationTask& task) {
  constexpr T kOne = 1;
  T gate[kElements] = {}, up[kElements] = {}, gradient[kElements] = {};
  blocks(task.count, [&](std::int64_t first, std::int64_t count) {
    read_block<T, S>(task.x, first, count, gate);
    read_block<T, S>(task.up, first, count, up);
    read_block<T, S>(task.gradient, first, count, gradient);
    for (int i = 0; i < kElements; i += VectorOf<T>::kLanes) {
      const Vector<T> x = load(gate + i), of = load(gradient + i);
      const Vector<T> open = logistic<T>(x);
      store(gate + i, of * load(up + i) * open * (kOne + x * (kOne - open)));
      store(up + i, of * x * open);
    }
    write_block<T, S>(gate, first, count, task.out);
    write_block<T, S>(up, first, count, task.up_gradient);
  });
}

template <typename T, typename S>
constexpr ActivationLoopsOf activation_loops_of() {
  return {gelu_loop<T, S>, gelu_back_loop<T, S>, swiglu_loop<T, S>, swiglu_back_loop<T, S>};
}

constexpr ActivationLoops activation_loops() {
  return {activation_loops_of<float, float>(), activation_loops_of<float, std::uint16_t>(),
          activation_loops_of<double, double>()};
}

}  // namespace
}  // namespace plateau::kernels
