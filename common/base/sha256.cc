#include "common/base/sha256.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <vector>

namespace plateau {

Sha256::Sha256() {
  static const Sha256Block of_processor = sha256_block_of_processor();
  block_ = of_processor != nullptr ? of_processor : sha256_block_portable;
}

void Sha256::update(const void* data, std::size_t size_bytes) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  total_bytes_ += size_bytes;
  while (size_bytes > 0) {
    if (buffered_ == 0 && size_bytes >= 64) {
      block_(state_, bytes);
      bytes += 64;
      size_bytes -= 64;
      continue;
    }
    const std::size_t taken = std::min(size_bytes, 64 - buffered_);
    std::memcpy(buffer_.data() + buffered_, bytes, taken);
    buffered_ += taken;
    bytes += taken;
    size_bytes -= taken;
    if (buffered_ == 64) {
      block_(state_, buffer_.data());
      buffered_ = 0;
    }
  }
}

Digest Sha256::digest() {
  const std::uint64_t bits = total_bytes_ * 8;
  // A one, zeros up to the last 8 bytes of a block, and there the length.
  std::array<std::uint8_t, 72> end{0x80};
  const std::size_t zeros = (buffered_ < 56 ? 56 : 120) - buffered_;
  for (std::size_t i = 0; i < 8; ++i)
    end[zeros + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i) & 0xff);
  update(end.data(), zeros + 8);
  Digest digest;
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)) & 0xff);
  return digest;
}

std::string hex_of(const Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const std::uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
  }
  return text;
}

std::size_t DigestHash::operator()(const Digest& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes.data(), bytes.size());
  return hash.hex();
}

Result<std::string> sha256_of_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return not_found("cannot open " + path.string() + " to verify its SHA-256");
  Sha256 hash;
  std::vector<char> piece(1 << 20);
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    hash.update(piece.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return io_error("reading " + path.string() + " failed");
  return hash.hex();
}

}  // namespace plateau
