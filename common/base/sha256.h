// SHA-256 (FIPS 180-4). Our own, since the trainer links nothing but LibTorch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/sha256_block.h"

namespace plateau {

using Digest = std::array<std::uint8_t, 32>;
// 64 lower-case hexadecimal digits.
std::string hex_of(const Digest& digest);
// For hash tables: some of its bytes, since all are random.
struct DigestHash {
  std::size_t operator()(const Digest& digest) const;
};

class Sha256 {
 public:
  Sha256();
  void update(const void* data, std::size_t size_bytes);
  // Call one of them, once.
  Digest digest();
  std::string hex() { return hex_of(digest()); }

 private:
  Sha256Block block_;
  Sha256State state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> buffer_{};
  std::size_t buffered_ = 0;
  std::uint64_t total_bytes_ = 0;
};

std::string sha256_hex(std::string_view bytes);
// Reads the file in pieces. Blocks. kNotFound or kIo.
Result<std::string> sha256_of_file(const std::filesystem::path& path);

}  // namespace plateau
