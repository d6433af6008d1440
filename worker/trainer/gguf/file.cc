#include <utility>

#include "worker/trainer/gguf/gguf.h"
#include "worker/trainer/gguf/header.h"
#include "worker/trainer/safetensors/mapped_file.h"

namespace plateau::trainer {

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

std::vector<float> decode_tensor(const GgufTensor& tensor) {
  const std::size_t blocks = tensor.bytes.size() / block_size_bytes(tensor.type);
  std::vector<float> values(blocks * block_values(tensor.type));
  decode_blocks(tensor.type, tensor.bytes, values);
  return values;
}

}  // namespace plateau::trainer
