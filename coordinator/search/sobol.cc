#include "coordinator/search/sobol.h"

#include <boost/random/sobol.hpp>

#include "common/base/check.h"
#include "common/base/random.h"

namespace plateau::search {
namespace {

constexpr std::size_t kDimensionsMax = 1000;

std::uint32_t reverse_bits(std::uint32_t bits) {
  bits = (bits >> 16U) | (bits << 16U);
  bits = ((bits & 0xff00ff00U) >> 8U) | ((bits & 0x00ff00ffU) << 8U);
  bits = ((bits & 0xf0f0f0f0U) >> 4U) | ((bits & 0x0f0f0f0fU) << 4U);
  bits = ((bits & 0xccccccccU) >> 2U) | ((bits & 0x33333333U) << 2U);
  return ((bits & 0xaaaaaaaaU) >> 1U) | ((bits & 0x55555555U) << 1U);
}

// Flips each bit by a hash of the bits above it: on reversed bits, a bit of x ^= x * even depends
// only on those below.
std::uint32_t owen_scramble(std::uint32_t bits, std::uint32_t seed) {
  bits = reverse_bits(bits);
  bits ^= bits * 0x3d20adeaU;
  bits += seed;
  bits *= (seed >> 16U) | 1U;
  bits ^= bits * 0x05526c56U;
  bits ^= bits * 0x53a22864U;
  return reverse_bits(bits);
}

}  // namespace

std::vector<double> sobol_point(std::uint64_t index, std::size_t dimensions, std::uint64_t seed) {
  PLATEAU_CHECK(dimensions > 0 && dimensions <= kDimensionsMax, "1 to 1,000 dimensions");
  std::vector<std::uint64_t> raw(dimensions, 0);
  // Boost's sequence begins after the origin, which is its point 0.
  if (index > 0) {
    boost::random::sobol engine(dimensions);
    engine.discard((index - 1) * dimensions);
    for (std::uint64_t& coordinate : raw)
      coordinate = engine();
  }
  std::vector<double> point;
  for (std::size_t d = 0; d < dimensions; ++d) {
    const auto scramble = static_cast<std::uint32_t>(derive_seed(seed, "sobol", {d}) >> 32U);
    const std::uint32_t bits = owen_scramble(static_cast<std::uint32_t>(raw[d] >> 32U), scramble);
    point.push_back(static_cast<double>(bits) * 0x1p-32);
  }
  return point;
}

}  // namespace plateau::search
