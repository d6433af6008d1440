#include <utility>

#include "common/base/mapped_file.h"
#include "common/base/text.h"
#include "worker/trainer/safetensors/header.h"
#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  Result<MappedFile> mapping = map_file(path);
  if (!mapping) return mapping.error();
  Result<SafetensorsFile> file = from_bytes(mapping->bytes, path.string());
  if (file) file->mapping_ = std::move(mapping->owner);
  return file;
}

Result<SafetensorsFile> SafetensorsFile::from_bytes(std::span<const std::byte> bytes,
                                                    const std::string& name) {
  Result<Header> header = parse_header(bytes, name);
  if (!header) return header.error();
  SafetensorsFile file;
  file.name_ = name;
  file.metadata_ = std::move(header->metadata);
  const std::span<const std::byte> data =
      bytes.subspan(static_cast<std::size_t>(header->data_offset));
  for (HeaderEntry& entry : header->entries) {
    TensorView view;
    view.dtype = entry.dtype;
    view.shape = std::move(entry.shape);
    view.bytes = data.subspan(static_cast<std::size_t>(entry.begin),
                              static_cast<std::size_t>(entry.end - entry.begin));
    file.tensors_.emplace(std::move(entry.name), std::move(view));
  }
  return file;
}

const TensorView* SafetensorsFile::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Result<TensorView> SafetensorsFile::get(const std::string& name) const {
  if (const TensorView* view = find(name); view != nullptr) return *view;
  std::vector<std::string> names;
  for (const auto& [key, view] : tensors_)
    names.push_back(key);
  const std::optional<std::string> close = nearest(name, names);
  return not_found(name_ + " has no tensor \"" + name + "\" among its " +
                   std::to_string(names.size()) + (close ? " (nearest: \"" + *close + "\")" : "") +
                   ". Check that the file belongs to this model.");
}

}  // namespace plateau::trainer
