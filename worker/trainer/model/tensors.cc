#include "worker/trainer/model/tensors.h"

#include <optional>

#include <ATen/ATen.h>

namespace plateau::trainer {
namespace {

std::optional<at::ScalarType> scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return at::kBool;
    case DType::kU8:
      return at::kByte;
    case DType::kI8:
      return at::kChar;
    case DType::kI16:
      return at::kShort;
    case DType::kF16:
      return at::kHalf;
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kI32:
      return at::kInt;
    case DType::kF32:
      return at::kFloat;
    case DType::kF64:
      return at::kDouble;
    case DType::kI64:
      return at::kLong;
    default:
      return std::nullopt;
  }
}

std::optional<DType> file_type(at::ScalarType type) {
  for (const DType dtype : {DType::kBool, DType::kU8, DType::kI8, DType::kI16, DType::kF16,
                            DType::kBF16, DType::kI32, DType::kF32, DType::kF64, DType::kI64}) {
    if (scalar_type(dtype) == type) return dtype;
  }
  return std::nullopt;
}

}  // namespace

Result<at::Tensor> to_tensor(const TensorView& view, const at::TensorOptions& options) {
  const auto type = scalar_type(view.dtype);
  if (!type) {
    return invalid_argument("a tensor of type " + std::string(dtype_name(view.dtype)) +
                            " cannot be used here; convert the file to F32, F16 or BF16");
  }
  at::Tensor copy = at::empty(view.shape, *type);
  if (!view.bytes.empty()) std::memcpy(copy.data_ptr(), view.bytes.data(), view.bytes.size());
  return copy.to(options);
}

Result<TensorMap> read_tensors(const std::filesystem::path& path,
                               std::map<std::string, std::string>* metadata) {
  auto file = SafetensorsFile::open(path);
  if (!file) return file.error();
  if (metadata != nullptr) *metadata = file->metadata();
  TensorMap tensors;
  for (const auto& [name, view] : file->tensors()) {
    const auto type = scalar_type(view.dtype);
    auto tensor = to_tensor(view, at::TensorOptions().dtype(type.value_or(at::kFloat)));
    if (!tensor)
      return invalid_argument(path.string() + ": " + name + ": " + tensor.error().message);
    tensors[name] = *tensor;
  }
  return tensors;
}

Status write_tensors(const std::filesystem::path& path, const TensorMap& tensors,
                     const std::map<std::string, std::string>& metadata) {
  std::vector<at::Tensor> kept;
  std::vector<TensorToWrite> entries;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor local = tensor.detach().to(at::kCPU).contiguous();
    const auto type = file_type(local.scalar_type());
    PLATEAU_CHECK(type.has_value(), "a tensor type that safetensors files cannot hold");
    entries.push_back({name,
                       *type,
                       local.sizes().vec(),
                       {static_cast<const std::byte*>(local.const_data_ptr()), local.nbytes()}});
    kept.push_back(local);
  }
  return write_safetensors(path, std::move(entries), metadata);
}

Result<at::ScalarType> dtype_of_precision(const std::string& precision) {
  if (precision == "float32") return at::kFloat;
  if (precision == "float64") return at::kDouble;
  if (precision == "bfloat16") return at::kBFloat16;
  return invalid_argument("precision '" + precision +
                          "' is not known; use float32, bfloat16 or float64");
}

}  // namespace plateau::trainer
