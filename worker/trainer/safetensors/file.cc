#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"
#include "worker/trainer/safetensors/header.h"
#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {
namespace {

struct Mapping {
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
};

Error system_error(const std::string& doing, const std::string& name, int error) {
  const std::string message = doing + " the weights file " + name +
                              " failed: " + std::strerror(error) +
                              ". Check that the path is right and that this user may read it.";
  return {error == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo, message};
}

// Closes the descriptor on every way out; a mapping outlives it.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<Mapping> map_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error("opening", path.string(), errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_error("examining", path.string(), errno);
  if (!S_ISREG(info.st_mode)) {
    return invalid_argument("The weights file " + path.string() +
                            " is no regular file. Name a .safetensors file.");
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return Mapping{};  // Nothing to map; the header check words the error.
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) return system_error("mapping", path.string(), errno);
  Mapping mapping;
  mapping.owner = std::shared_ptr<const void>(
      address, [size](const void* mapped) { ::munmap(const_cast<void*>(mapped), size); });
  mapping.bytes = {static_cast<const std::byte*>(address), size};
  return mapping;
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  Result<Mapping> mapping = map_file(path);
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
