#include <algorithm>
#include <optional>
#include <tuple>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "worker/trainer/safetensors/dtype.h"
#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {
namespace {

// Keys must come out in the order in which they are put in: metadata, then tensors by offset.
using nlohmann::ordered_json;

Status check(const std::vector<TensorToWrite>& sorted, const std::filesystem::path& path) {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const TensorToWrite& tensor = sorted[i];
    const std::string where = "Writing " + path.string() + ": tensor \"" + tensor.name + "\" ";
    if (tensor.name == "__metadata__") {
      return invalid_argument(where + "has the name that the format keeps for metadata.");
    }
    const std::optional<std::uint64_t> needed = checked_size_bytes(tensor.dtype, tensor.shape);
    if (!needed || *needed != tensor.bytes.size()) {
      return invalid_argument(where + "is " + std::string(dtype_name(tensor.dtype)) + " of shape " +
                              shape_text(tensor.shape) + " but has " +
                              std::to_string(tensor.bytes.size()) + " bytes.");
    }
  }
  std::vector<std::string> names;
  for (const TensorToWrite& tensor : sorted)
    names.push_back(tensor.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    return invalid_argument("Writing " + path.string() + ": tensor \"" + *twice +
                            "\" is given twice.");
  }
  return {};
}

std::string header_json(const std::vector<TensorToWrite>& sorted,
                        const std::map<std::string, std::string>& metadata) {
  ordered_json header = ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const TensorToWrite& tensor : sorted) {
    ordered_json entry;
    entry["dtype"] = dtype_name(tensor.dtype);
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {offset, offset + tensor.bytes.size()};
    header[tensor.name] = std::move(entry);
    offset += tensor.bytes.size();
  }
  // A name that is not UTF-8 would make dump() throw: it is written with replacement characters.
  return header.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

Status write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                         const std::map<std::string, std::string>& metadata) {
  // Large dtypes first keeps every tensor aligned to its own size.
  std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
    return std::tuple(-static_cast<int>(a.dtype), std::string_view(a.name)) <
           std::tuple(-static_cast<int>(b.dtype), std::string_view(b.name));
  });
  if (Status checked = check(tensors, path); !checked) return checked;

  std::string header = header_json(tensors, metadata);
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string file;
  std::size_t total = 8 + header.size();
  for (const TensorToWrite& tensor : tensors)
    total += tensor.bytes.size();
  file.reserve(total);
  for (unsigned shift = 0; shift < 64; shift += 8) {
    file.push_back(static_cast<char>((static_cast<std::uint64_t>(header.size()) >> shift) & 0xff));
  }
  file += header;
  for (const TensorToWrite& tensor : tensors) {
    file.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  }
  return write_file_atomically(path, file);
}

}  // namespace plateau::trainer
