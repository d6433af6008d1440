// What trials have cost on the devices at hand: kept in the cache by every run, read by every plan.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/catalogue/load_sweep.h"
#include "common/spec/estimate.h"
#include "common/spec/sweep.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {

// Finished trials of one run that cost alike, summed up.
struct Measurement {
  std::string run;  // its folder
  std::string device;
  std::string base;
  std::string method;
  std::string precision;
  std::int64_t tokens_at_once = 0;  // of a micro-batch
  std::int64_t trials = 0;
  std::int64_t train_tokens = 0;
  double flops = 0;           // by estimate_trial(): what a plan knows of a trial too
  double device_seconds = 0;  // loading and evaluation included; trials of a pack share theirs
  // The smallest that a trainer had needed by the end of such a trial, with all it trained before
  // and beside it; 0: unknown, as on a GPU, where it is the host's.
  std::int64_t peak_memory_bytes = 0;
  TimeMs wall_ms = 0;  // when it was taken
};

// Of all trials that were trained in this run and finished. `device_ms`: of read_device_time().
std::vector<Measurement> measure(const RunView& run, const std::map<TrialId, double>& device_ms,
                                 const Sources& sources, const std::string& run_folder,
                                 TimeMs wall_ms);

// <cache>/measurements.jsonl, the newest last. What cannot be read is passed over: a plan is made
// without it.
std::vector<Measurement> read_measurements(const std::filesystem::path& cache);

// In place of what this run has put there before; the newest 1,000 stay. kIo.
Status put_measurements(const std::filesystem::path& cache, const std::vector<Measurement>& taken);

// What a trial will cost, from measurements where there are any that tell.
class CostModel {
 public:
  CostModel(ComputeRate assumed = {}) : assumed_(std::move(assumed)) {}  // NOLINT: it is one
  CostModel(std::vector<Measurement> known, const LoadedSweep& loaded, ComputeRate assumed = {});

  double seconds(const Trial& trial, const TrialEstimate& estimate) const;
  // nullopt: no such trial was trained on this device.
  std::optional<std::int64_t> peak_memory(const Trial& trial, const TaskSource& task) const;
  // "measured: 20 trials on a CPU", "assumed: ..." or both, for these trials.
  std::string source(const std::vector<PlannedTrial>& trials) const;
  bool is_measured() const { return !known_.empty(); }
  const ComputeRate& assumed() const { return assumed_; }

 private:
  std::vector<Measurement> alike(const Trial& trial) const;

  std::vector<Measurement> known_;  // of one device
  ComputeRate assumed_;
};

}  // namespace plateau::cli
