// GGUF files: a Result, or tensors that lie in the file and decode to as many values as their
// shape says.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/check.h"
#include "common/gguf/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of exactly this size: AddressSanitizer sees the first byte read past its end.
  const std::vector<std::uint8_t> copy(data, data + size);
  const auto bytes = std::as_bytes(std::span(copy));
  const auto file = plateau::GgufFile::from_bytes(bytes, "fuzz");
  if (!file) {
    PLATEAU_CHECK(!file.error().message.empty(), "an error without words");
    return 0;
  }
  for (const auto& [name, tensor] : file->tensors()) {
    std::size_t count = 1;
    for (const std::int64_t extent : tensor.shape)
      count *= static_cast<std::size_t>(extent);
    PLATEAU_CHECK(tensor.bytes.empty() ||
                      (tensor.bytes.data() >= bytes.data() &&
                       tensor.bytes.data() + tensor.bytes.size() <= bytes.data() + bytes.size()),
                  "a tensor that leaves the file");
    PLATEAU_CHECK(plateau::decode_tensor(tensor).size() == count,
                  "a tensor whose values are not its shape's");
  }
  return 0;
}
