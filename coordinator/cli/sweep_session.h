// What `plateau run` and `plateau coordinator` share: from a sweep file to its results.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/catalogue/load_sweep.h"
#include "coordinator/cli/commands.h"
#include "coordinator/scheduler/scheduler.h"

namespace plateau::cli {

struct SessionOptions {
  SweepRequest sweep;
  std::string name;  // of the run folder; empty: the sweep's own
  std::filesystem::path runs_dir = "runs";
  std::vector<std::string> reuse;  // runs, by name or folder, whose results count here
  bool plain = false;
  bool json = false;
  DurationMs lease_ms = SchedulerOptions().lease_ms;

  // nullopt: one local worker is started, and only it can reach us.
  std::optional<std::string> bind;
  std::optional<std::filesystem::path> keys;  // nullopt: the default folder, where keys are needed
  bool insecure = false;
  bool sync_rarely = false;  // for benchmarks: RunIdentity::sync_rarely

  // Of the local worker.
  std::filesystem::path worker_program;  // empty: beside this program
  std::filesystem::path trainer;         // empty: beside the worker
  std::vector<std::string> devices;      // empty: the sweep's, or all
  std::optional<std::int64_t> pack;  // most trials side by side; absent: the sweep's, or its own
};

// Runs the sweep to its end, or to an interruption. Reports through the context. Blocks.
void run_session(const SessionOptions& options, CommandContext& context);

}  // namespace plateau::cli
