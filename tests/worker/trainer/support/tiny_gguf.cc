#include "tests/worker/trainer/support/tiny_gguf.h"

#include <bit>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/common/gguf/gguf_bytes.h"
#include "tests/worker/trainer/support/tiny.h"
#include "tests/worker/trainer/support/tiny_llama.h"
#include "worker/trainer/model/gguf_source.h"

namespace plateau::trainer::testing {
namespace {

// GGUF's numbers of the types of values.
constexpr std::uint32_t kCount = 4, kInteger = 5, kNumber = 6, kText = 8, kList = 9;

// What llama.cpp's converter does to a query or key matrix.
at::Tensor permuted(const at::Tensor& weight, std::int64_t heads) {
  const std::int64_t half = weight.size(0) / heads / 2;
  return weight.view({heads, 2, half, -1}).transpose(1, 2).reshape(weight.sizes());
}

}  // namespace

void Metadata::begin(const std::string& key, std::uint32_t type) {
  put_text(bytes_, key);
  put(bytes_, type, 4);
  ++keys_;
}

Metadata& Metadata::text(const std::string& key, const std::string& value) {
  begin(key, kText);
  put_text(bytes_, value);
  return *this;
}

Metadata& Metadata::count(const std::string& key, std::uint32_t value) {
  begin(key, kCount);
  put(bytes_, value, 4);
  return *this;
}

Metadata& Metadata::number(const std::string& key, float value) {
  begin(key, kNumber);
  put(bytes_, std::bit_cast<std::uint32_t>(value), 4);
  return *this;
}

Metadata& Metadata::texts(const std::string& key, const std::vector<std::string>& values) {
  begin(key, kList);
  put(bytes_, kText, 4);
  put(bytes_, values.size(), 8);
  for (const std::string& value : values)
    put_text(bytes_, value);
  return *this;
}

Metadata& Metadata::integers(const std::string& key, const std::vector<std::int32_t>& values) {
  begin(key, kList);
  put(bytes_, kInteger, 4);
  put(bytes_, values.size(), 8);
  for (const std::int32_t value : values)
    put(bytes_, std::bit_cast<std::uint32_t>(value), 4);
  return *this;
}

Metadata llama_metadata() {
  Metadata metadata;
  metadata.text("general.architecture", "llama")
      .count("llama.embedding_length", 16)
      .count("llama.block_count", 2)
      .count("llama.attention.head_count", 4)
      .count("llama.attention.head_count_kv", 2)
      .count("llama.feed_forward_length", 24)
      .count("llama.context_length", 32)
      .number("llama.attention.layer_norm_rms_epsilon", 1e-6F);
  return metadata;
}

TensorMap half_tensors() {
  TensorMap tensors = tiny_llama_tensors();
  for (auto& [name, tensor] : tensors)
    tensor = tensor.to(at::kHalf).to(at::kDouble);
  return tensors;
}

std::string gguf_of(const TensorMap& tensors, const Metadata& metadata) {
  std::vector<TensorBytes> entries;
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    at::Tensor stored = tensor;
    if (name.find("q_proj") != std::string::npos) stored = permuted(stored, 4);
    if (name.find("k_proj") != std::string::npos) stored = permuted(stored, 2);
    const bool is_matrix = stored.dim() == 2;
    stored = stored.to(is_matrix ? at::kHalf : at::kFloat).contiguous();
    const std::string known = gguf_tensor_name(name);
    TensorBytes entry{known.empty() ? name : known, {}, is_matrix ? 1U : 0U, data.size()};
    for (std::int64_t i = stored.dim(); i-- > 0;)
      entry.extents.push_back(static_cast<std::uint64_t>(stored.size(i)));
    data.append(static_cast<const char*>(stored.const_data_ptr()), stored.nbytes());
    data.resize((data.size() + 31) / 32 * 32, '\0');
    entries.push_back(std::move(entry));
  }
  return gguf_bytes(metadata.keys(), metadata.bytes(), entries, data);
}

std::filesystem::path write_gguf(const std::string& bytes) {
  const auto path = fresh_folder("gguf") / "tiny.gguf";
  EXPECT_TRUE(write_file_atomically(path, bytes));
  return path;
}

}  // namespace plateau::trainer::testing
