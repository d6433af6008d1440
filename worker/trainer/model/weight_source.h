// Where a base's tensors come from: a folder in Hugging Face format, or a GGUF file under the same
// names, shapes and order of rows.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "worker/kernels/quantized.h"

namespace plateau::trainer {

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual bool has(const std::string& name) const = 0;
  // kNotFound names the tensor, the nearest name, and where was looked.
  virtual Result<std::vector<std::int64_t>> shape_of(const std::string& name) const = 0;
  // A copy in `options`' dtype and on its device.
  virtual Result<at::Tensor> read(const std::string& name,
                                  const at::TensorOptions& options) const = 0;
  // The matrix in the blocks that it is stored in, on `device`; nothing where it is stored as
  // numbers of the usual kinds.
  virtual std::optional<kernels::QuantizedMatrix> blocks(const std::string& name,
                                                         at::Device device) const {
    (void)name, (void)device;
    return {};
  }
};

// A base on disk: what it is, and its tensors.
struct BaseFiles {
  nlohmann::json config;  // as in config.json
  std::string where;      // the file that `config` came from, for messages
  std::shared_ptr<const WeightSource> weights;
};

// `path`: a folder in Hugging Face format (one file of weights, or shards), a folder with one GGUF
// file, or a GGUF file. kNotFound, kIo, kCorrupt, kInvalidArgument.
Result<BaseFiles> open_base(const std::filesystem::path& path);

}  // namespace plateau::trainer
