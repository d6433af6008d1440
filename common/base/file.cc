#include "common/base/file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace plateau {
namespace {

Error system_error(const std::string& doing, const std::filesystem::path& path, int error) {
  std::string message = doing + " " + path.string() + " failed: " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT) {
    message += ". Free some disk space and run the same command again; nothing finished is lost";
  }
  return {error == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo, std::move(message)};
}

Status write_and_sync(int fd, const std::filesystem::path& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("writing", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return system_error("syncing", path, errno);
  return {};
}

void sync_folder(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // Some file systems refuse; the rename itself is still atomic.
  (void)::fsync(fd);
  ::close(fd);
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return system_error("opening", path, errno != 0 ? errno : EIO);
  // The stream opens a folder gladly and then reads nothing.
  if (std::filesystem::is_directory(path)) return system_error("reading", path, EISDIR);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  if (in.bad()) return system_error("reading", path, EIO);
  return std::move(bytes).str();
}

Status write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path temporary =
      path.string() + ".tmp." + std::to_string(static_cast<long long>(::getpid()));
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return system_error("creating", temporary, errno);
  Status written = write_and_sync(fd, temporary, bytes);
  ::close(fd);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = system_error("renaming to", path, errno);
  }
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  sync_folder(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
  return {};
}

Status make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return io_error("making the folder " + path.string() + " failed: " + error.message());
  return {};
}

Result<FileLock> FileLock::acquire(const std::filesystem::path& path, const std::string& what) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return system_error("opening the lock", path, errno);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    ::close(fd);
    if (error != EWOULDBLOCK) return system_error("locking", path, error);
    return busy(what + " is in use by another process (it holds " + path.string() +
                "). Wait for it to end, or stop it, then run the same command again.");
  }
  return FileLock(fd);
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}
FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

}  // namespace plateau
