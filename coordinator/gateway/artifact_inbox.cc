#include "coordinator/gateway/artifact_inbox.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/file.h"
#include "coordinator/gateway/checkpoint_files.h"

namespace plateau {
namespace fs = std::filesystem;
namespace {

constexpr const char* kIncoming = ".incoming";
constexpr const char* kPartial = ".part";
constexpr const char* kCheckpoints = ".checkpoints";
constexpr const char* kTrialFile = "trial.json";  // written by the coordinator itself

Error write_error(const fs::path& path, int error) {
  std::string message = "Writing " + path.string() + " failed: " + std::strerror(error) + ".";
  if (error == ENOSPC || error == EDQUOT) {
    message += " Free some disk space and run the same command again; nothing finished is lost.";
  }
  return io_error(std::move(message));
}

// Writes at `offset`, so that a repeated chunk after a failed write overwrites its own half.
Status write_at(const fs::path& path, std::uint64_t offset, std::string_view bytes, bool sync) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return write_error(path, errno);
  int error = 0;
  while (!bytes.empty() && error == 0) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0) {
      if (errno != EINTR) error = errno;
      continue;
    }
    offset += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (error == 0 && sync &&
      (::ftruncate(fd, static_cast<off_t>(offset)) != 0 || ::fsync(fd) != 0)) {
    error = errno;
  }
  ::close(fd);
  if (error != 0) return write_error(path, error);
  return {};
}

// Names are checked when they arrive (common/wire/codec.h); this is about links that lie in the run
// folder, by a mistake or by malice: what a worker sends is never written through one to elsewhere.
Status make_folder_inside(const fs::path& run_folder, const fs::path& folder) {
  std::error_code error;
  const fs::path root = fs::canonical(run_folder, error);
  const fs::path real = error ? fs::path() : fs::weakly_canonical(folder, error);
  if (error)
    return io_error("The folder " + folder.string() + " cannot be used: " + error.message());
  const auto parting = std::mismatch(root.begin(), root.end(), real.begin(), real.end());
  if (parting.first == root.end()) return make_folder(folder);
  return io_error("The folder " + folder.string() + " leads out of the run folder, to " +
                  real.string() +
                  ", by a symbolic link. Nothing was written there. Remove the link "
                  "and run the same command again.");
}

Status rename_synced(const fs::path& from, const fs::path& to, const fs::path& run_folder) {
  if (Status made = make_folder_inside(run_folder, to.parent_path()); !made) return made;
  if (::rename(from.c_str(), to.c_str()) != 0) return write_error(to, errno);
  const int fd = ::open(to.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    // Some file systems cannot sync a folder; the rename is atomic all the same.
    static_cast<void>(::fsync(fd));
    ::close(fd);
  }
  return {};
}

bool is_whole(const fs::path& path, const ArtifactFacts& artifact) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error || size != artifact.size_bytes) return false;
  const Result<std::string> sha256 = sha256_of_file(path);
  return sha256.ok() && *sha256 == artifact.sha256;
}

std::uint64_t bytes_of_checkpoints(const fs::path& run_folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (const fs::directory_entry& trial : fs::directory_iterator(run_folder / "trials", error)) {
    std::error_code none;
    for (const fs::directory_entry& file :
         fs::directory_iterator(trial.path() / kCheckpoints, none)) {
      bytes += file.file_size(none);
    }
  }
  return bytes;
}

}  // namespace

ArtifactInbox::ArtifactInbox(InboxOptions options)
    : options_(std::move(options)), checkpoint_bytes_(bytes_of_checkpoints(options_.run_folder)) {}

fs::path ArtifactInbox::trial_path(const std::string& trial_folder) const {
  return options_.run_folder / trial_folder;
}

fs::path ArtifactInbox::staged(const AttemptRef& attempt, const std::string& name,
                               const std::string& trial_folder) const {
  return trial_path(trial_folder) / kIncoming / std::to_string(attempt.attempt.value) / name;
}

fs::path ArtifactInbox::partial(const AttemptRef& attempt, const std::string& name,
                                const std::string& trial_folder) const {
  return trial_path(trial_folder) / kIncoming / std::to_string(attempt.attempt.value) / kPartial /
         name;
}

Receipt ArtifactInbox::receipt(const Arriving& arriving) const {
  return {arriving.received_bytes, options_.credit_bytes, arriving.complete};
}

Result<Receipt> ArtifactInbox::take(const Chunk& chunk, const std::string& trial_folder) {
  if (chunk.artifact.name == kTrialFile) {
    return invalid_argument("A worker sent an artifact named " + std::string(kTrialFile) +
                            ", which the coordinator writes itself; it was refused.");
  }
  const Key key{chunk.attempt, chunk.artifact.name};
  auto found = arriving_.find(key);
  if (found != arriving_.end() && found->second.artifact.sha256 != chunk.artifact.sha256) {
    // The worker wrote the file anew, as with a checkpoint of the same step after a resumption.
    arriving_.erase(found);
    found = arriving_.end();
  }
  if (found == arriving_.end()) {
    found = arriving_.try_emplace(key).first;
    found->second.artifact = chunk.artifact;
    // A coordinator of before may have had all of it, and died before it said so.
    const fs::path whole = staged(chunk.attempt, chunk.artifact.name, trial_folder);
    if (is_whole(whole, chunk.artifact)) {
      found->second.received_bytes = chunk.artifact.size_bytes;
      found->second.complete = true;
    }
  }
  Arriving& arriving = found->second;
  if (arriving.complete || chunk.offset != arriving.received_bytes) return receipt(arriving);
  if (chunk.data.empty() && chunk.artifact.size_bytes > 0) return receipt(arriving);

  const fs::path path = partial(chunk.attempt, chunk.artifact.name, trial_folder);
  if (chunk.offset == 0) {
    const Status made = make_folder_inside(options_.run_folder, path.parent_path());
    if (!made) return made.error();
  }
  const bool last = chunk.offset + chunk.data.size() == chunk.artifact.size_bytes;
  if (Status written = write_at(path, chunk.offset, chunk.data, last); !written) {
    return written.error();
  }
  arriving.hash.update(chunk.data.data(), chunk.data.size());
  arriving.received_bytes += chunk.data.size();
  if (last) {
    if (Status completed = complete(arriving, chunk.attempt, trial_folder); !completed) {
      arriving_.erase(key);
      return completed.error();
    }
  }
  const Receipt answer = receipt(arriving);
  if (last && !arriving.complete) arriving_.erase(key);
  return answer;
}

Status ArtifactInbox::complete(Arriving& arriving, const AttemptRef& attempt,
                               const std::string& trial_folder) {
  const fs::path path = partial(attempt, arriving.artifact.name, trial_folder);
  if (arriving.hash.hex() != arriving.artifact.sha256) {
    // Bytes went wrong on the way, or on the worker's disk: all of them again.
    arriving.received_bytes = 0;
    std::error_code ignored;
    fs::remove(path, ignored);
    return {};
  }
  Status renamed = rename_synced(path, staged(attempt, arriving.artifact.name, trial_folder),
                                 options_.run_folder);
  arriving.complete = renamed.ok();
  return renamed;
}

Status ArtifactInbox::adopt_result(const AttemptRef& attempt,
                                   const std::vector<ArtifactFacts>& artifacts,
                                   const std::string& trial_folder) {
  std::vector<std::pair<fs::path, fs::path>> moves;
  for (const ArtifactFacts& artifact : artifacts) {
    const fs::path from = staged(attempt, artifact.name, trial_folder);
    const fs::path to = trial_path(trial_folder) / artifact.name;
    const auto found = arriving_.find({attempt, artifact.name});
    const bool known = found != arriving_.end() && found->second.complete &&
                       found->second.artifact.sha256 == artifact.sha256 && fs::exists(from);
    if (known || is_whole(from, artifact)) {
      moves.emplace_back(from, to);
    } else if (!is_whole(to, artifact)) {
      return not_found("The result of trial " + std::to_string(attempt.trial.value) + " names " +
                       artifact.name + ", which did not arrive whole.");
    }
  }
  for (const auto& [from, to] : moves) {
    if (Status renamed = rename_synced(from, to, options_.run_folder); !renamed) return renamed;
  }
  return {};
}

Result<bool> ArtifactInbox::adopt_checkpoint(const AttemptRef& attempt,
                                             const ArtifactFacts& artifact,
                                             const std::string& trial_folder) {
  const fs::path from = staged(attempt, artifact.name, trial_folder);
  const fs::path to = resume_path({attempt.attempt, 0, artifact}, trial_folder);
  arriving_.erase({attempt, artifact.name});
  if (checkpoint_bytes_ + artifact.size_bytes > options_.checkpoint_budget_bytes) {
    std::error_code ignored;
    fs::remove(from, ignored);
    return false;
  }
  std::error_code missing;
  const std::uintmax_t replaced = fs::file_size(to, missing);
  if (Status renamed = rename_synced(from, to, options_.run_folder); !renamed)
    return renamed.error();
  checkpoint_bytes_ += artifact.size_bytes;
  if (!missing) checkpoint_bytes_ -= replaced;
  return true;
}

fs::path ArtifactInbox::resume_path(const ResumePoint& resume,
                                    const std::string& trial_folder) const {
  return trial_path(trial_folder) / kCheckpoints / checkpoint_file(resume);
}

// The newest of them first.
std::vector<ResumePoint> ArtifactInbox::other_checkpoints(const ResumePoint& newest,
                                                          const std::string& trial_folder) const {
  std::vector<ResumePoint> others;
  const std::string first = checkpoint_file(newest);
  std::error_code error;
  for (const fs::directory_entry& file :
       fs::directory_iterator(trial_path(trial_folder) / kCheckpoints, error)) {
    const std::string name = file.path().filename().string();
    std::error_code gone;
    const std::uintmax_t size = file.file_size(gone);
    const std::optional<ResumePoint> other = checkpoint_of_file(name, size);
    if (!gone && other && name != first) others.push_back(*other);
  }
  std::sort(others.begin(), others.end(), [](const ResumePoint& a, const ResumePoint& b) {
    return std::pair(a.written_by, a.step) > std::pair(b.written_by, b.step);
  });
  return others;
}

std::optional<ResumePoint> ArtifactInbox::usable_checkpoint(const ResumePoint& newest,
                                                            const std::string& trial_folder) const {
  if (is_whole(resume_path(newest, trial_folder), newest.artifact)) return newest;
  for (const ResumePoint& older : other_checkpoints(newest, trial_folder)) {
    if (is_whole(resume_path(older, trial_folder), older.artifact)) return older;
  }
  return std::nullopt;
}

void ArtifactInbox::drop_old_checkpoints(const ResumePoint& newest,
                                         const std::string& trial_folder) {
  std::vector<ResumePoint> old = other_checkpoints(newest, trial_folder);
  if (!old.empty()) old.erase(old.begin());  // the one before
  for (const ResumePoint& each : old) {
    std::error_code ignored;
    if (fs::remove(resume_path(each, trial_folder), ignored)) {
      checkpoint_bytes_ -= each.artifact.size_bytes;
    }
  }
}

void ArtifactInbox::drop_attempt(const AttemptRef& attempt, const std::string& trial_folder) {
  const auto first = arriving_.lower_bound({attempt, std::string()});
  auto last = first;
  while (last != arriving_.end() && last->first.first == attempt)
    ++last;
  arriving_.erase(first, last);
  std::error_code ignored;
  if (!fs::exists(trial_path(trial_folder), ignored)) return;
  const fs::path incoming = trial_path(trial_folder) / kIncoming;
  fs::remove_all(incoming / std::to_string(attempt.attempt.value), ignored);
  fs::remove(incoming, ignored);  // Only when it is empty.
}

void ArtifactInbox::drop_trial(const std::string& trial_folder) {
  std::error_code ignored;
  if (!fs::exists(trial_path(trial_folder), ignored)) return;
  for (const ResumePoint& each : other_checkpoints({}, trial_folder))
    checkpoint_bytes_ -= each.artifact.size_bytes;
  fs::remove_all(trial_path(trial_folder) / kCheckpoints, ignored);
  fs::remove_all(trial_path(trial_folder) / kIncoming, ignored);
}

std::set<std::string> ArtifactInbox::folders_to_clean() const {
  std::set<std::string> folders;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(options_.run_folder / "trials", ignored)) {
    if (fs::exists(entry.path() / kIncoming, ignored) ||
        fs::exists(entry.path() / kCheckpoints, ignored)) {
      folders.insert((fs::path("trials") / entry.path().filename()).string());
    }
  }
  return folders;
}

}  // namespace plateau
