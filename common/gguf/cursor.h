// Reads a GGUF header from front to back and never past its end. Internal to this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

namespace plateau {

// After the first read past the end ok() is false, and all further reads give zero or nothing.
class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename Number>
  Number number() {
    static_assert(std::is_unsigned_v<Number>);
    if (!take(sizeof(Number))) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = sizeof(Number); i-- > 0;)
      value = value << 8 | std::to_integer<std::uint64_t>(bytes_[at_ - sizeof(Number) + i]);
    return static_cast<Number>(value);
  }

  std::string text() {
    const auto length = number<std::uint64_t>();
    if (!take(length)) return "";
    const auto size = static_cast<std::size_t>(length);
    return {reinterpret_cast<const char*>(bytes_.data()) + at_ - size, size};
  }

  // Whether `count` things of at least `size_bytes` each can still follow.
  bool holds(std::uint64_t count, std::uint64_t size_bytes) {
    ok_ = ok_ && count <= (bytes_.size() - at_) / size_bytes;
    return ok_;
  }

  bool ok() const { return ok_; }
  std::size_t position() const { return at_; }

 private:
  bool take(std::uint64_t size) {
    ok_ = ok_ && size <= bytes_.size() - at_;
    if (ok_) at_ += static_cast<std::size_t>(size);
    return ok_;
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace plateau
