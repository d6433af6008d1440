#include "tests/common/gguf/gguf_bytes.h"

#include <bit>

namespace plateau {

void put(std::string& bytes, std::uint64_t number, std::size_t size_bytes) {
  for (std::size_t i = 0; i < size_bytes; ++i)
    bytes.push_back(static_cast<char>(number >> 8 * i & 255U));
}

void put_text(std::string& bytes, const std::string& text) {
  put(bytes, text.size(), 8);
  bytes += text;
}

std::string gguf_bytes(std::uint64_t keys, const std::string& metadata,
                       const std::vector<TensorBytes>& tensors, const std::string& data) {
  std::string bytes = "GGUF";
  put(bytes, 3, 4);
  put(bytes, tensors.size(), 8);
  put(bytes, keys, 8);
  bytes += metadata;
  for (const TensorBytes& tensor : tensors) {
    put_text(bytes, tensor.name);
    put(bytes, tensor.extents.size(), 4);
    for (const std::uint64_t extent : tensor.extents)
      put(bytes, extent, 8);
    put(bytes, tensor.type, 4);
    put(bytes, tensor.offset, 8);
  }
  bytes.resize((bytes.size() + 31) / 32 * 32, '\0');
  return bytes + data;
}

std::string sound_gguf() {
  std::string metadata;
  put_text(metadata, "general.architecture");
  put(metadata, 8, 4);
  put_text(metadata, "llama");
  put_text(metadata, "small");
  put(metadata, 1, 4);  // int8
  put(metadata, 0xFE, 1);
  put_text(metadata, "eps");
  put(metadata, 6, 4);  // float32
  put(metadata, std::bit_cast<std::uint32_t>(0.25F), 4);
  put_text(metadata, "tokens");
  put(metadata, 9, 4);
  put(metadata, 8, 4);
  put(metadata, 2, 8);
  put_text(metadata, "a");
  put_text(metadata, "bc");
  std::string data;
  for (int i = 0; i < 6; ++i)
    put(data, std::bit_cast<std::uint32_t>(0.5F + static_cast<float>(i)), 4);
  data.resize(32, '\0');
  put(data, 0x3800, 2);  // 0.5
  for (unsigned i = 0; i < 32; ++i)
    put(data, i - 16, 1);
  return gguf_bytes(4, metadata, {{"a", {3, 2}, 0, 0}, {"b", {32, 1}, 8, 32}}, data);
}

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace plateau
