// Files that survive: whole reads, atomic writes, exclusive locks. All functions block.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace plateau {

// The whole file. kNotFound when it is not there, kIo otherwise.
Result<std::string> read_file(const std::filesystem::path& path);

// Writes to a temporary name beside `path`, syncs, renames, syncs the folder: after a crash the
// file is the old one or the new one, never a half. kIo names the cause ("No space left on
// device").
Status write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

// Creates the folder and its parents. kIo names the folder and the cause.
Status make_folder(const std::filesystem::path& path);

// An exclusive flock on a file, made if needed; released by the destructor or by the process's
// death, kill -9 included.
class FileLock {
 public:
  // kBusy when another process holds it; `what` names the thing in the message.
  static Result<FileLock> acquire(const std::filesystem::path& path, const std::string& what);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace plateau
