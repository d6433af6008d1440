// Reads a sweep file. Knows line and column of everything; finds all mistakes in one pass.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/spec/sweep.h"

namespace plateau {

struct SweepFile {
  std::string text;                    // YAML
  std::string file;                    // as the user named it, for messages
  std::filesystem::path folder;        // relative paths in the file start here
  std::vector<std::string> overrides;  // "rank=1,2,4", "lora.learning_rate=1e-3", "seed=range(5)"
  std::filesystem::path overrides_folder;  // relative paths in overrides start here (the cwd)
};

// What could be read in spite of mistakes: wrong values and keys are left out.
struct SweepReading {
  Sweep sweep;
  std::vector<Problem> problems;
  // The problems leave a sweep whose other mistakes are worth looking for: nothing that it means is
  // missing but single values.
  bool can_be_expanded = false;
};
SweepReading read_as_far_as_possible(const SweepFile& file);

// kInvalidArgument: one line a mistake, "file:line:column: what was found, what is allowed, the
// nearest name". Does not ask whether bases, tasks or paths exist.
Result<Sweep> read_sweep(const SweepFile& file);

}  // namespace plateau
