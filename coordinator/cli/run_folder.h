// runs/<name>/: who may write in it, and how it is found by name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/file.h"
#include "common/base/result.h"

namespace plateau::cli {

struct RunFolder {
  std::filesystem::path path;
  FileLock lock;  // held for the life of the coordinator; gone with it, kill -9 included
};

// Letters, digits, '.', '_' and '-', not starting with '.' or '-', at most 100: a run's name is a
// folder's name. kInvalidArgument otherwise.
Status check_run_name(const std::string& name);

// Makes runs_dir/name if needed and locks it. kBusy: another coordinator has it.
Result<RunFolder> open_run_folder(const std::filesystem::path& runs_dir, const std::string& name);

// A run by the path of its folder, or by its name under runs_dir. kNotFound lists what there is.
Result<std::filesystem::path> find_run(const std::string& run,
                                       const std::filesystem::path& runs_dir);

// The process that holds the run's lock, if one does.
std::optional<int> coordinator_pid(const std::filesystem::path& run_folder);

}  // namespace plateau::cli
