#include <utility>

#include "common/base/mapped_file.h"
#include "common/gguf/gguf.h"
#include "common/gguf/header.h"

namespace plateau {

Result<GgufFile> GgufFile::open(const std::filesystem::path& path) {
  Result<MappedFile> mapping = map_file(path);
  if (!mapping) return mapping.error();
  Result<GgufFile> file = from_bytes(mapping->bytes, path.string());
  if (file) file->mapping_ = std::move(mapping->owner);
  return file;
}

Result<GgufFile> GgufFile::from_bytes(std::span<const std::byte> bytes, const std::string& name) {
  Result<GgufHeader> header = parse_gguf(bytes, name);
  if (!header) return header.error();
  GgufFile file;
  file.name_ = name;
  file.metadata_ = std::move(header->metadata);
  file.tensors_ = std::move(header->tensors);
  return file;
}

std::optional<std::filesystem::path> gguf_of_base(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    return path.extension() == ".gguf" ? std::optional(path) : std::nullopt;
  }
  if (fs::exists(path / "config.json", error)) return {};
  std::optional<fs::path> only;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != ".gguf") continue;
    if (only) return {};
    only = entry->path();
  }
  return only;
}

std::vector<float> decode_tensor(const GgufTensor& tensor) {
  const std::size_t blocks = tensor.bytes.size() / block_size_bytes(tensor.type);
  std::vector<float> values(blocks * block_values(tensor.type));
  decode_blocks(tensor.type, tensor.bytes, values);
  return values;
}

}  // namespace plateau
