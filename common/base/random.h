// One source of randomness, passed in. No global generator; random_device only in main programs.
//
// Streams are keyed, not shared: derive_seed(seed, "dropout", step, layer) gives the same numbers
// whatever else a process draws, so the company a trial keeps in a pack changes nothing.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace plateau {

// splitmix64 (Steele, Lea, Flood 2014): small, fast, passes BigCrush; every seed is a good seed.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next();
  // Uniform in [0, bound). bound > 0. Without modulo bias.
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [0, 1), 53 bits.
  double uniform();
  // Standard normal, by Box and Muller; two uniforms a call.
  double normal();

  // Fisher and Yates.
  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) {
      std::swap(items[i - 1], items[below(i)]);
    }
  }

 private:
  std::uint64_t state_;
};

// A seed for a stream of its own: a hash of the parent seed, the purpose (not empty) and the
// numbers.
std::uint64_t derive_seed(std::uint64_t seed, std::string_view purpose,
                          std::initializer_list<std::uint64_t> numbers = {});

}  // namespace plateau
