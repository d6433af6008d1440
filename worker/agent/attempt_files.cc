#include "worker/agent/attempt_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "worker/runner/process.h"

namespace plateau::agent {

std::filesystem::path AttemptFiles::folder(const AttemptRef& attempt) const {
  return root_ /
         (std::to_string(attempt.trial.value) + "-" + std::to_string(attempt.attempt.value));
}

std::filesystem::path AttemptFiles::resume_path(const AttemptRef& attempt) const {
  return folder(attempt) / "resume";
}

Status AttemptFiles::store_resume(const StoreResume& piece) const {
  const std::filesystem::path path = resume_path(piece.attempt);
  if (piece.offset == 0) {
    if (Status made = make_folder(path.parent_path()); !made) return made;
  }
  const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (piece.offset == 0 ? O_TRUNC : 0);
  const runner::Fd file(::open(path.c_str(), flags, 0644));
  std::string_view rest = piece.data;
  auto offset = static_cast<off_t>(piece.offset);
  while (file.valid() && !rest.empty()) {
    const ssize_t written = ::pwrite(file.get(), rest.data(), rest.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    offset += written;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (file.valid() && rest.empty()) return {};
  return io_error("writing the checkpoint " + path.string() + " failed: " + std::strerror(errno));
}

bool AttemptFiles::resume_is_good(const VerifyResume& wanted) const {
  const std::filesystem::path path = resume_path(wanted.attempt);
  const Result<std::string> found = sha256_of_file(path);
  if (found && *found == wanted.artifact.sha256) return true;
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return false;
}

void AttemptFiles::remove(const AttemptRef& attempt) const {
  std::error_code ignored;
  std::filesystem::remove_all(folder(attempt), ignored);
}

void AttemptFiles::remove_all_but(const std::vector<AttemptRef>& attempts) const {
  std::set<std::filesystem::path> kept;
  for (const AttemptRef& attempt : attempts)
    kept.insert(folder(attempt));
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root_, ignored)) {
    if (kept.count(entry.path()) == 0) std::filesystem::remove_all(entry.path(), ignored);
  }
}

Result<std::string> read_piece(const Artifact& artifact, std::uint64_t offset,
                               std::uint64_t length) {
  const runner::Fd file(::open(artifact.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    return io_error("opening " + artifact.path + " failed: " + std::strerror(errno));
  }
  std::string data(static_cast<std::size_t>(length), '\0');
  std::size_t have = 0;
  while (have < data.size()) {
    const ssize_t got = ::pread(file.get(), data.data() + have, data.size() - have,
                                static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("reading " + artifact.path + " failed: " + std::strerror(errno));
    if (got == 0) {
      return corrupt(artifact.path + " is shorter than the " + std::to_string(artifact.size_bytes) +
                     " bytes that the trainer said");
    }
    have += static_cast<std::size_t>(got);
  }
  return data;
}

}  // namespace plateau::agent
