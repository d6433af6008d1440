// Vectors of whatever the processor has, for loops that are compiled once for each instruction set
// (cpu_loops_*.cc). Everything is local to a translation unit and nothing of the standard library
// is called: an inline function of it that was compiled for AVX-512 could be the one that the
// linker keeps for all. Internal to this folder.
#pragma once

#include <cstdint>
#include <cstring>

namespace plateau::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <typename T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  static constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));
};
template <typename T>
using Vector = typename VectorOf<T>::type;

#define PLATEAU_INLINE inline __attribute__((always_inline))

template <typename T>
PLATEAU_INLINE Vector<T> load(const T* from) {
  return *reinterpret_cast<const Vector<T>*>(from);
}

template <typename T>
PLATEAU_INLINE void store(T* to, Vector<T> value) {
  *reinterpret_cast<Vector<T>*>(to) = value;
}

// ---- Storage: float32, float64, or bfloat16 as its bits ----------------------------------------

PLATEAU_INLINE float widen(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}
PLATEAU_INLINE float widen(float value) {
  return value;
}
PLATEAU_INLINE double widen(double value) {
  return value;
}

// To the nearest, ties to even; a NaN stays one.
PLATEAU_INLINE void narrow(float value, std::uint16_t& to) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint32_t rounded = (bits + 0x7fffU + (bits >> 16 & 1U)) >> 16;
  to = static_cast<std::uint16_t>(value == value ? rounded : bits >> 16 | 0x40U);
}
PLATEAU_INLINE void narrow(float value, float& to) {
  to = value;
}
PLATEAU_INLINE void narrow(double value, double& to) {
  to = value;
}

// ---- The exponential
// -----------------------------------------------------------------------------

// Cephes' expf: exact to 2 units in the last place; below -87 zero.
PLATEAU_INLINE Vector<float> exponential(Vector<float> x) {
  typedef std::int32_t Integers __attribute__((vector_size(kVectorBytes)));
  constexpr float kMagic = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  const Vector<float> whole = (x * 1.44269504088896341F + kMagic) - kMagic;
  const Vector<float> rest = x - whole * 0.693359375F + whole * 2.12194440e-4F;
  Vector<float> p = rest * 1.9875691500e-4F + 1.3981999507e-3F;
  p = p * rest + 8.3334519073e-3F;
  p = p * rest + 4.1665795894e-2F;
  p = p * rest + 1.6666665459e-1F;
  p = p * rest + 5.0000001201e-1F;
  p = p * rest * rest + rest + 1.0F;
  const Integers power = (__builtin_convertvector(whole, Integers) + 127) << 23;
  Vector<float> scale;
  std::memcpy(&scale, &power, sizeof scale);
  return x < -87.0F ? Vector<float>{} : p * scale;
}

PLATEAU_INLINE Vector<double> exponential(Vector<double> x) {
  for (int i = 0; i < VectorOf<double>::kLanes; ++i)
    x[i] = __builtin_exp(x[i]);
  return x;
}

PLATEAU_INLINE float logarithm(float x) {
  return __builtin_logf(x);
}
PLATEAU_INLINE double logarithm(double x) {
  return __builtin_log(x);
}

}  // namespace
}  // namespace plateau::kernels
