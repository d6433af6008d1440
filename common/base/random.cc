#include "common/base/random.h"

#include <cmath>
#include <numbers>

#include "common/base/check.h"

namespace plateau {
namespace {

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

}  // namespace

std::uint64_t Random::next() {
  return mix(state_ += kGolden);
}

std::uint64_t Random::below(std::uint64_t bound) {
  PLATEAU_CHECK(bound > 0, "below(0)");
  const std::uint64_t limit = bound * (UINT64_MAX / bound);
  std::uint64_t drawn = next();
  while (drawn >= limit)
    drawn = next();
  return drawn % bound;
}

double Random::uniform() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double Random::normal() {
  const double u = 1.0 - uniform();  // In (0, 1]: the logarithm stays finite.
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * uniform());
}

std::uint64_t derive_seed(std::uint64_t seed, std::string_view purpose,
                          std::initializer_list<std::uint64_t> numbers) {
  // Without a purpose the first number could cancel the seed, and streams would meet.
  PLATEAU_CHECK(!purpose.empty(), "derive_seed() without a purpose");
  std::uint64_t hash = mix(seed + kGolden);
  for (const char c : purpose) {
    hash = mix(hash ^ (static_cast<unsigned char>(c) + kGolden));
  }
  for (const std::uint64_t number : numbers)
    hash = mix(hash ^ mix(number + kGolden));
  return hash;
}

}  // namespace plateau
