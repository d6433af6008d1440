#include "coordinator/cli/session_parts.h"

#include <memory>
#include <random>
#include <set>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "common/base/file.h"

namespace plateau::cli {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

constexpr std::size_t kResolvedTrialsMax = 10'000;

Status write_resolved(const fs::path& run_folder, const Json& resolved) {
  return write_file_atomically(run_folder / "sweep.resolved.json", resolved.dump(2) + "\n");
}

}  // namespace

std::string host_name() {
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  return name;
}

std::uint64_t draw_coordinator_run() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

NewTrial new_trial(const PlannedTrial& planned) {
  NewTrial trial;
  trial.trial = planned.trial();
  trial.keys = planned.keys;
  trial.is_baseline = planned.is_baseline;
  return trial;
}

std::string address_for_workers(const std::string& bound) {
  const std::string any = "tcp://0.0.0.0:";
  if (!bound.starts_with(any)) return bound;
  return "tcp://" + host_name() + ":" + bound.substr(any.size());
}

void remove_local_folder(const std::string& ipc_address) {
  std::error_code ignored;
  fs::remove_all(fs::path(ipc_address.substr(std::string("ipc://").size())).parent_path(), ignored);
}

Result<LogLine> open_log(const fs::path& run_folder) {
  try {
    auto logger = std::make_shared<spdlog::logger>(
        "plateau",
        std::make_shared<spdlog::sinks::basic_file_sink_mt>((run_folder / "plateau.log").string()));
    logger->flush_on(spdlog::level::info);
    return LogLine([logger](const std::string& line) { logger->info("{}", line); });
  } catch (const spdlog::spdlog_ex& error) {
    return io_error("The log of the run cannot be opened: " + std::string(error.what()));
  }
}

Status fetch_sources(const Catalogue& catalogue,
                     const std::set<std::pair<EntryKind, std::string>>& sources,
                     const std::function<void(const std::string&)>& note) {
  for (const auto& [kind, name] : sources) {
    const CatalogueEntry* entry = catalogue.find(kind, name);
    if (entry == nullptr || is_cached(*entry, cache_folder())) continue;
    std::string last;
    const Result<fs::path> path = fetch(*entry, cache_folder(), [&](const std::string& line) {
      if (line != last) note(line);
      last = line;
    });
    if (!path) return path.error();
  }
  return {};
}

Status write_sweep_files(const fs::path& run_folder, const LoadedSweep& sweep) {
  if (Status s = write_file_atomically(run_folder / "sweep.yaml", sweep.yaml); !s) return s;
  if (sweep.plan.trials.size() > kResolvedTrialsMax) {
    std::error_code ignored;
    fs::remove(run_folder / "sweep.resolved.json", ignored);  // of the sweep when it was smaller
    return {};
  }
  return write_resolved(run_folder, resolved_json(sweep.sweep, sweep.plan));
}

Status write_search_file(const fs::path& run_folder, const RunView& run, Store& store) {
  if (run.trials.size() > kResolvedTrialsMax) return {};
  const Result<std::vector<ProposalText>> log = store.proposals();
  if (!log) return log.error();
  SweepPlan plan;
  std::set<std::string> cells;
  TrialPlanner planner;
  for (const TrialRow& row : run.trials) {
    const Trial trial = row.trial.trial();
    plan.trials.push_back(planner.plan(trial, row.trial.adapter, trial_keys(trial)));
    plan.trials.back().is_baseline = row.is_baseline;
    if (!row.is_baseline) cells.insert(row.cell);
  }
  plan.cell_count = static_cast<std::int64_t>(cells.size());
  Sweep sweep;
  sweep.name = run.name;
  Json resolved = resolved_json(sweep, plan);
  resolved["proposals"] = Json::array();
  for (const ProposalText& each : *log) {
    resolved["proposals"].push_back(
        {{"values", Json::parse(each.values_json, nullptr, /*allow_exceptions=*/false)},
         {"reason", each.reason}});
  }
  return write_resolved(run_folder, resolved);
}

}  // namespace plateau::cli
