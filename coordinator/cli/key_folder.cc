#include "coordinator/cli/key_folder.h"

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/transport/address.h"

namespace plateau::cli {
namespace fs = std::filesystem;
namespace {

fs::path coordinator_file(const fs::path& folder) {
  return folder / "coordinator.key";
}
fs::path list_file(const fs::path& folder) {
  return folder / "workers";
}
fs::path worker_file(const fs::path& folder, const std::string& name) {
  return folder / (name + ".key");
}

// Two `keys add` at once must not lose each other's line.
Result<FileLock> lock_folder(const fs::path& folder) {
  return FileLock::acquire(folder / ".lock", "The folder of keys " + folder.string());
}

std::vector<std::string> names_of(const WorkerList& workers) {
  std::vector<std::string> names;
  for (const auto& [key, name] : workers)
    names.push_back(name);
  return names;
}

Error no_keys(const fs::path& folder, const Error& error) {
  if (error.kind != ErrorKind::kNotFound) return error;
  return not_found("There are no keys in the folder " + folder.string() +
                   ". A coordinator that others can reach lets in only workers with a key of its "
                   "own, and encrypts. Make keys with: plateau keys new --keys " +
                   folder.string() +
                   "  — or, inside a network where you trust everybody, say --insecure.");
}

}  // namespace

Status make_keys(const fs::path& folder) {
  if (fs::exists(coordinator_file(folder))) {
    return busy("There are keys in " + folder.string() +
                " already, and they were left as they are. `plateau keys add NAME` adds a worker; "
                "for entirely new keys remove the folder first, or name another one with --keys.");
  }
  if (Status made = make_folder(folder); !made) return made;
  if (::chmod(folder.c_str(), 0700) != 0) {
    return io_error("The folder " + folder.string() +
                    " could not be made yours alone: " + std::strerror(errno));
  }
  const Result<KeyPair> own = draw_key_pair();
  if (!own) return own.error();
  if (Status written = write_coordinator_keys(coordinator_file(folder), *own); !written) {
    return written;
  }
  if (Status written = write_worker_list(list_file(folder), {}); !written) return written;
  const Result<fs::path> added = add_worker(folder, kFirstWorker);
  if (!added) return added.error();
  return {};
}

Result<fs::path> add_worker(const fs::path& folder, const std::string& name) {
  if (Status good = check_worker_name(name); !good) return good.error();
  const Result<KeyPair> coordinator = read_coordinator_keys(coordinator_file(folder));
  if (!coordinator) return no_keys(folder, coordinator.error());
  const Result<FileLock> lock = lock_folder(folder);
  if (!lock) return lock.error();
  Result<WorkerList> workers = read_worker_list(list_file(folder));
  if (!workers) return workers.error();
  for (const auto& [key, listed] : *workers) {
    if (listed == name) {
      return busy("The list " + list_file(folder).string() + " has a worker '" + name +
                  "' already. Choose another name, or take it off with: plateau keys remove " +
                  name);
    }
  }
  const Result<KeyPair> own = draw_key_pair();
  if (!own) return own.error();
  const fs::path file = worker_file(folder, name);
  if (name == "coordinator") {
    return invalid_argument("'coordinator' is the coordinator's own name; choose another one.");
  }
  if (Status s = write_worker_keys(file, {*own, coordinator->public_key}); !s) return s.error();
  (*workers)[own->public_key] = name;
  if (Status s = write_worker_list(list_file(folder), *workers); !s) return s.error();
  return file;
}

Status remove_worker(const fs::path& folder, const std::string& name) {
  const Result<KeyPair> coordinator = read_coordinator_keys(coordinator_file(folder));
  if (!coordinator) return no_keys(folder, coordinator.error());
  const Result<FileLock> lock = lock_folder(folder);
  if (!lock) return lock.error();
  Result<WorkerList> workers = read_worker_list(list_file(folder));
  if (!workers) return workers.error();
  const std::size_t removed =
      std::erase_if(*workers, [&](const auto& worker) { return worker.second == name; });
  if (removed == 0) {
    return not_found("No worker '" + name + "' is in the list " + list_file(folder).string() +
                     "; there are: " + join(names_of(*workers), ", ") + ".");
  }
  if (Status s = write_worker_list(list_file(folder), *workers); !s) return s;
  std::error_code ignored;
  fs::remove(worker_file(folder, name), ignored);
  return {};
}

Result<std::optional<CoordinatorSecurity>> choose_security(const std::string& address,
                                                           const std::optional<fs::path>& folder,
                                                           bool insecure) {
  if (insecure && folder) {
    return invalid_argument("--keys and --insecure contradict each other; leave one out.");
  }
  const std::optional<CoordinatorSecurity> none;
  // What is no address at all is told when it is listened on.
  const bool is_open = address.starts_with("tcp://") && !stays_on_this_host(address);
  if (insecure || (!folder && !is_open)) return none;
  const fs::path where = folder.value_or(kDefaultKeyFolder);
  const Result<KeyPair> keys = read_coordinator_keys(coordinator_file(where));
  if (!keys) return no_keys(where, keys.error());
  const Result<WorkerList> workers = read_worker_list(list_file(where));
  if (!workers) return workers.error();
  return std::optional<CoordinatorSecurity>({*keys, list_file(where)});
}

}  // namespace plateau::cli
