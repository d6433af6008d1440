#include "common/base/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace plateau {
namespace {

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

}  // namespace

Result<MappedFile> map_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error("opening", path.string(), errno);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_error("examining", path.string(), errno);
  if (!S_ISREG(info.st_mode)) {
    return invalid_argument("The weights file " + path.string() +
                            " is no regular file. Name a file of weights.");
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return MappedFile{};  // Nothing to map; the header check words the error.
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) return system_error("mapping", path.string(), errno);
  MappedFile mapping;
  mapping.owner = std::shared_ptr<const void>(
      address, [size](const void* mapped) { ::munmap(const_cast<void*>(mapped), size); });
  mapping.bytes = {static_cast<const std::byte*>(address), size};
  return mapping;
}

}  // namespace plateau
