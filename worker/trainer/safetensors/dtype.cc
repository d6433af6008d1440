#include "worker/trainer/safetensors/dtype.h"

#include <array>

#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {
namespace {

struct Row {
  DType dtype;
  std::string_view name;
  std::size_t size_bytes;
};

// In the order of the enum, which is Hugging Face's order of alignment.
constexpr std::array<Row, 15> kRows{{{DType::kBool, "BOOL", 1},
                                     {DType::kU8, "U8", 1},
                                     {DType::kI8, "I8", 1},
                                     {DType::kF8E5M2, "F8_E5M2", 1},
                                     {DType::kF8E4M3, "F8_E4M3", 1},
                                     {DType::kI16, "I16", 2},
                                     {DType::kU16, "U16", 2},
                                     {DType::kF16, "F16", 2},
                                     {DType::kBF16, "BF16", 2},
                                     {DType::kI32, "I32", 4},
                                     {DType::kU32, "U32", 4},
                                     {DType::kF32, "F32", 4},
                                     {DType::kF64, "F64", 8},
                                     {DType::kI64, "I64", 8},
                                     {DType::kU64, "U64", 8}}};

}  // namespace

std::size_t dtype_size_bytes(DType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].size_bytes;
}

std::string_view dtype_name(DType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].name;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

std::vector<std::string> dtype_names() {
  std::vector<std::string> names;
  for (const Row& row : kRows)
    names.emplace_back(row.name);
  return names;
}

std::optional<std::uint64_t> checked_size_bytes(DType dtype,
                                                const std::vector<std::int64_t>& shape) {
  std::uint64_t size = dtype_size_bytes(dtype);
  for (const std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(size, static_cast<std::uint64_t>(extent), &size) ||
        size > static_cast<std::uint64_t>(INT64_MAX)) {
      return std::nullopt;
    }
  }
  return size;
}

std::int64_t element_count(const TensorView& tensor) {
  std::int64_t count = 1;
  for (const std::int64_t extent : tensor.shape)
    count *= extent;
  return count;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + "]";
}

}  // namespace plateau::trainer
