// GGUF files, versions 2 and 3, read through a memory map without a copy.
//
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Counts and lengths in the file
// are believed only as far as its bytes reach. Little-endian. Whatever is wrong is a Result that
// names file and tensor or key.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/gguf/blocks.h"

namespace plateau {

// A metadata value, widened: whole numbers to 64 bits, fractions to double, arrays of bool to 0, 1.
using GgufValue =
    std::variant<std::uint64_t, std::int64_t, double, bool, std::string, std::vector<std::uint64_t>,
                 std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;

// `bytes` points into the mapping (or the caller's buffer): whole blocks, row by row.
struct GgufTensor {
  BlockType type = BlockType::kF32;
  std::vector<std::int64_t> shape;  // row-major, rows first: the reverse of the file's order
  std::span<const std::byte> bytes;
};

// One open file. Cheap to move; copies share the mapping. Safe to read from several threads.
class GgufFile {
 public:
  // Maps the file and checks all of its header. kNotFound, kIo; kCorrupt: cut, overlapping or
  // lying; kInvalidArgument: a block type that is not supported, one part of a split model;
  // kVersion.
  static Result<GgufFile> open(const std::filesystem::path& path);
  // The same from memory that the caller keeps; `name` stands for the file in messages.
  static Result<GgufFile> from_bytes(std::span<const std::byte> bytes, const std::string& name);

  const std::map<std::string, GgufValue>& metadata() const { return metadata_; }
  const std::map<std::string, GgufTensor>& tensors() const { return tensors_; }
  const std::string& name() const { return name_; }
  // Owns the mapping: hold it as long as a tensor's bytes are used.
  const std::shared_ptr<const void>& keep_alive() const { return mapping_; }

 private:
  std::string name_;
  std::shared_ptr<const void> mapping_;
  std::map<std::string, GgufValue> metadata_;
  std::map<std::string, GgufTensor> tensors_;
};

// The GGUF file that a base's path means: the file itself, or the only one of a folder without
// config.json. Nothing for any other path.
std::optional<std::filesystem::path> gguf_of_base(const std::filesystem::path& path);

// All values of a tensor as float32, row-major.
std::vector<float> decode_tensor(const GgufTensor& tensor);

}  // namespace plateau
