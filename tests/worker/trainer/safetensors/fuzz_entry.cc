#include "tests/worker/trainer/safetensors/fuzz_entry.h"

#include <numeric>
#include <vector>

#include "common/base/check.h"
#include "worker/trainer/safetensors/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of exactly this size: AddressSanitizer sees the first byte read past its end.
  const std::vector<std::uint8_t> copy(data, data + size);
  const auto bytes = std::as_bytes(std::span(copy));
  const auto file = plateau::trainer::SafetensorsFile::from_bytes(bytes, "fuzz");
  if (!file) {
    PLATEAU_CHECK(!file.error().message.empty(), "an error without words");
    return 0;
  }
  std::size_t covered = 0;
  volatile unsigned sum = 0;
  for (const auto& [name, tensor] : file->tensors()) {
    const auto elements = static_cast<std::size_t>(plateau::trainer::element_count(tensor));
    PLATEAU_CHECK(
        elements * plateau::trainer::dtype_size_bytes(tensor.dtype) == tensor.bytes.size(),
        "a view whose size is not its shape's");
    PLATEAU_CHECK(tensor.bytes.empty() ||
                      (tensor.bytes.data() >= bytes.data() &&
                       tensor.bytes.data() + tensor.bytes.size() <= bytes.data() + bytes.size()),
                  "a view that leaves the file");
    for (const std::byte byte : tensor.bytes)
      sum = sum + std::to_integer<unsigned>(byte);
    covered += tensor.bytes.size();
  }
  PLATEAU_CHECK(covered <= size, "views that overlap");
  return 0;
}
