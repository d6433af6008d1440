// safetensors files: read through a memory map without a copy, written atomically.
//
// Format: 8 bytes little-endian header length N, N bytes of JSON, then the tensors' bytes. The JSON
// maps a name to {"dtype", "shape", "data_offsets": [begin, end)}, and "__metadata__" to strings.
// https://github.com/huggingface/safetensors (format) is followed strictly: no gap, no overlap, no
// byte left over, no duplicate name. Whatever is wrong is a Result that names file and tensor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace plateau::trainer {

enum class DType {
  kBool,
  kU8,
  kI8,
  kF8E5M2,
  kF8E4M3,
  kI16,
  kU16,
  kF16,
  kBF16,
  kI32,
  kU32,
  kF32,
  kF64,
  kI64,
  kU64,
};

// Bytes of one element.
std::size_t dtype_size_bytes(DType dtype);
// As in the file: "F32", "BF16", "I64", ...
std::string_view dtype_name(DType dtype);

// One tensor: row-major, in the file's dtype, little-endian. `bytes` points into the mapping (or
// into the caller's buffer): it lives as long as the file's keep_alive().
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;  // empty: a scalar
  std::span<const std::byte> bytes;
};

// The product of the shape; 1 for a scalar. Shapes from a file never overflow.
std::int64_t element_count(const TensorView& tensor);

// One open file. Cheap to copy: copies share the mapping. Safe to read from several threads.
class SafetensorsFile {
 public:
  // Maps the file and checks the whole header. kNotFound, kIo, or kCorrupt with file, tensor and
  // both numbers. The file must not be cut while it is mapped (the system would send SIGBUS).
  static Result<SafetensorsFile> open(const std::filesystem::path& path);
  // The same from memory that the caller keeps; `name` stands for the file in messages.
  static Result<SafetensorsFile> from_bytes(std::span<const std::byte> bytes,
                                            const std::string& name);

  const std::map<std::string, TensorView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // nullptr when there is none of that name.
  const TensorView* find(const std::string& name) const;
  // kNotFound names the file, the tensor, and the nearest name that is there.
  Result<TensorView> get(const std::string& name) const;
  // Path as given to open().
  const std::string& name() const { return name_; }
  // Owns the mapping: hold it as long as a view is used (torch::from_blob's deleter).
  const std::shared_ptr<const void>& keep_alive() const { return mapping_; }

 private:
  std::string name_;
  std::shared_ptr<const void> mapping_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
};

// The weights of a model folder: model.safetensors, or the shards that
// model.safetensors.index.json names.
class ModelWeights {
 public:
  // `path`: a folder in Hugging Face format, or one .safetensors file. kNotFound says which files
  // were looked for; kCorrupt when the index names a tensor that its shard lacks.
  static Result<ModelWeights> open(const std::filesystem::path& path);

  std::vector<std::string> names() const;  // sorted
  // nullptr when there is none of that name.
  const TensorView* find(const std::string& name) const;
  // kNotFound names the tensor, the nearest name, and where was looked.
  Result<TensorView> get(const std::string& name) const;
  // Owns all mappings.
  const std::shared_ptr<const void>& keep_alive() const { return keep_alive_; }

 private:
  std::string name_;
  std::shared_ptr<const void> keep_alive_;
  std::map<std::string, TensorView> tensors_;
};

// A tensor to write. The bytes must stay valid until write_safetensors returns.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// Writes atomically (temporary file, sync, rename). Bytes depend on the content alone: larger
// dtypes first, then by name, metadata sorted, header padded to 8 bytes, as Hugging Face writes.
// kInvalidArgument: a duplicate name, "__metadata__" as a name, bytes that do not fit the shape.
// kIo: the disk is full, ...
Status write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                         const std::map<std::string, std::string>& metadata = {});

}  // namespace plateau::trainer
