#include "coordinator/cli/run_folder.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <utility>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include "common/base/text.h"

namespace plateau::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMaxNameLength = 100;

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-';
}

std::vector<std::string> runs_in(const fs::path& runs_dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(runs_dir, error)) {
    std::error_code ignored;
    if (fs::exists(entry.path() / "plateau.db", ignored)) {
      names.push_back(entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Status check_run_name(const std::string& name) {
  const bool good = !name.empty() && name.size() <= kMaxNameLength && name.front() != '.' &&
                    name.front() != '-' && std::all_of(name.begin(), name.end(), is_name_character);
  if (good) return {};
  return invalid_argument("The run's name '" + name +
                          "' cannot be a folder's: use 1 to 100 letters, digits, '.', '_' and " +
                          "'-', and begin with a letter or digit. Give another one with --name.");
}

Result<RunFolder> open_run_folder(const fs::path& runs_dir, const std::string& name) {
  if (Status checked = check_run_name(name); !checked) return checked.error();
  const fs::path path = fs::absolute(runs_dir) / name;
  if (Status made = make_folder(path / "trials"); !made) return made.error();
  Result<FileLock> lock = FileLock::acquire(path / "lock", "The run folder " + path.string());
  if (!lock) {
    Error error = lock.error();
    const std::optional<int> pid = coordinator_pid(path);
    if (error.kind == ErrorKind::kBusy && pid) {
      error.message += " That process is " + std::to_string(*pid) + "; `plateau status " + name +
                       "` shows how far it is, and --name gives "
                       "this sweep a folder of its own.";
    }
    return error;
  }
  // For people and for `status`; the lock itself is the flock, not this text.
  std::ofstream(path / "lock") << getpid() << "\n";
  return RunFolder{path, std::move(*lock)};
}

Result<fs::path> find_run(const std::string& run, const fs::path& runs_dir) {
  std::error_code ignored;
  for (const fs::path& candidate : {fs::path(run), runs_dir / run}) {
    if (fs::exists(candidate / "plateau.db", ignored)) return fs::absolute(candidate);
  }
  const std::vector<std::string> names = runs_in(runs_dir);
  std::string message = "There is no run '" + run + "': neither the folder " + run + " nor " +
                        (runs_dir / run).string() + " holds a plateau.db.";
  if (const std::optional<std::string> near = nearest(run, names)) {
    message += " Did you mean '" + *near + "'?";
  } else if (!names.empty()) {
    message += " In " + runs_dir.string() + " there are: " + join(names, ", ") + ".";
  } else {
    message += " Start one with: plateau run sweeps/quickstart.yaml";
  }
  return not_found(std::move(message));
}

std::optional<int> coordinator_pid(const fs::path& run_folder) {
  std::ifstream in(run_folder / "lock");
  int pid = 0;
  if (!(in >> pid) || pid <= 0) return std::nullopt;
  // EPERM: it lives and is somebody else's.
  if (kill(pid, 0) != 0 && errno != EPERM) return std::nullopt;
  return pid;
}

}  // namespace plateau::cli
