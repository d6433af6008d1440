// The small Llama of tiny_llama.h as a GGUF file, as llama.cpp's converter would write it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "worker/trainer/model/tensors.h"

namespace plateau::trainer::testing {

// The metadata of a file, entry by entry.
class Metadata {
 public:
  Metadata& text(const std::string& key, const std::string& value);
  Metadata& count(const std::string& key, std::uint32_t value);
  Metadata& number(const std::string& key, float value);
  Metadata& texts(const std::string& key, const std::vector<std::string>& values);
  Metadata& integers(const std::string& key, const std::vector<std::int32_t>& values);

  std::uint64_t keys() const { return keys_; }
  const std::string& bytes() const { return bytes_; }

 private:
  void begin(const std::string& key, std::uint32_t type);
  std::string bytes_;
  std::uint64_t keys_ = 0;
};

// What tiny_llama_config() says.
Metadata llama_metadata();
// tiny_llama_tensors() rounded to numbers of float16, so that a file of halves holds just those.
TensorMap half_tensors();
// The bytes of a file: matrices as F16 with queries' and keys' rows permuted, vectors as F32.
std::string gguf_of(const TensorMap& tensors, const Metadata& metadata);
// In a fresh folder.
std::filesystem::path write_gguf(const std::string& bytes);

}  // namespace plateau::trainer::testing
