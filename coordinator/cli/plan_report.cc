#include "coordinator/cli/plan_report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <unordered_set>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/spec/methods.h"
#include "coordinator/cli/plan_columns.h"
#include "coordinator/cli/search_ranges.h"

namespace plateau::cli {
namespace {

using Json = nlohmann::json;

// Trials that train the same parameters: one line of the table.
struct Row {
  std::string base;
  std::string task;
  std::string adapter;
  std::string rank;  // "4", or "" for baselines
  ParameterCounts counts;
  bool is_baseline = false;
  std::int64_t trials = 0;
  double memory_bytes = 0;       // the most that one of its trials needs
  bool memory_measured = false;  // that one
  std::unordered_set<Digest, DigestHash> cells;
};

Row row_of(const LoadedSweep& loaded, const Trial& trial, bool is_baseline) {
  Row row;
  row.base = trial.base.name;
  row.task = trial.task.name;
  row.adapter = trial.adapter.method;
  row.is_baseline = is_baseline;
  if (trial.adapter.parameters.contains("rank")) {
    row.rank = trial.adapter.parameters["rank"].dump();
  }
  const Result<ParameterCounts> counts =
      count_parameters(loaded.sources.bases.at(trial.base.name).facts, trial);
  if (counts) row.counts = counts.value();
  return row;
}

void raise_memory(const LoadedSweep& loaded, const CostModel& costs, const Trial& trial, Row& row) {
  const MemoryCost memory = memory_of(loaded, costs, trial);
  if (memory.bytes <= row.memory_bytes) return;
  row.memory_bytes = memory.bytes;
  row.memory_measured = memory.is_measured;
}

// All of a trial that its row and its memory depend on.
auto what_a_row_tells(const PlannedTrial& trial) {
  return std::tuple(trial.base.get(), trial.task.get(), trial.adapter.get(), trial.protocol.get(),
                    trial.optimizer->batch_size, trial.micro_batch_size,
                    trial.recompute_activations);
}

std::vector<Row> rows_of(const LoadedSweep& loaded, const CostModel& costs) {
  std::vector<Row> rows;
  std::map<decltype(what_a_row_tells({})), std::size_t> known;  // -> the row's number
  for (const PlannedTrial& planned : loaded.plan.trials) {
    const auto [at, is_new] = known.try_emplace(what_a_row_tells(planned));
    if (is_new) {
      const Trial trial = planned.trial();
      Row row = row_of(loaded, trial, planned.is_baseline);
      const auto same = std::find_if(rows.begin(), rows.end(), [&](const Row& other) {
        return other.base == row.base && other.task == row.task && other.adapter == row.adapter &&
               other.rank == row.rank && other.counts.adapter == row.counts.adapter;
      });
      at->second = static_cast<std::size_t>(same - rows.begin());
      if (same == rows.end()) rows.push_back(std::move(row));
      raise_memory(loaded, costs, trial, rows[at->second]);
    }
    ++rows[at->second].trials;
    rows[at->second].cells.insert(planned.keys.cell);
  }
  return rows;
}

std::string memory_text(const Row& row) {
  return fmt::format("{}{:.0f} MB", row.memory_measured ? "" : "~", row.memory_bytes / 1e6);
}

std::string parameters_table(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> table = {{"base", "task", "adapter", "rank", "cells",
                                                  "trials", "trained", "of base", "head",
                                                  "memory"}};
  for (const Row& row : rows) {
    table.push_back({row.base, row.task, title_of(row.adapter), row.rank,
                     row.is_baseline ? "-" : std::to_string(row.cells.size()),
                     std::to_string(row.trials), with_commas(row.counts.adapter),
                     fmt::format("{:.3f} %", share_percent(row.counts)),
                     with_commas(row.counts.head), memory_text(row)});
  }
  return table_text(table, 3);
}

std::string denominators(const std::vector<Row>& rows) {
  std::set<std::string> texts;
  for (const Row& row : rows)
    texts.insert(row.base + " has " + with_commas(row.counts.base) + " frozen parameters");
  return join({texts.begin(), texts.end()}, "; ");
}

// A search's trials are not known before it runs; what ends it is.
std::string counts_text(const LoadedSweep& loaded) {
  const SweepPlan& plan = loaded.plan;
  const std::string baselines = std::to_string(plan.baseline_count) + " baselines";
  if (loaded.sweep.search.method == SearchMethod::kGrid) {
    return fmt::format("{} trials in {} cells, {}", plan.trial_count, plan.cell_count, baselines);
  }
  const std::optional<std::int64_t>& most = loaded.sweep.search.budgets.max_trials;
  return (most ? "a search of up to " + std::to_string(*most) + " trials"
               : std::string("a search without a number of trials")) +
         ", " + baselines;
}

// "max_time 8 h 00 m or max_gpu_hours 40"; empty without any.
std::string ends_text(const Budgets& budgets) {
  std::vector<std::string> ends;
  if (budgets.max_trials) ends.push_back("max_trials " + std::to_string(*budgets.max_trials));
  if (budgets.max_time_ms) ends.push_back("max_time " + format_duration(*budgets.max_time_ms));
  if (budgets.max_gpu_hours) {
    ends.push_back("max_gpu_hours " + format_number(*budgets.max_gpu_hours));
  }
  if (budgets.target) ends.push_back("target " + format_number(*budgets.target));
  return join(ends, " or ");
}

const std::set<std::string>& keys_of(const DoneBefore* done) {
  static const std::set<std::string> none;
  return done == nullptr ? none : done->keys;
}

std::int64_t count_done(const SweepPlan& plan, const DoneBefore* done) {
  if (keys_of(done).empty()) return 0;
  return std::count_if(plan.trials.begin(), plan.trials.end(), [&](const PlannedTrial& trial) {
    return keys_of(done).count(hex_of(trial.keys.trial)) != 0;
  });
}

double estimated_seconds(const LoadedSweep& loaded, const CostModel& costs,
                         const DoneBefore* done) {
  return estimate_seconds(
      loaded.plan, loaded.sources,
      [&](const Trial& trial, const TrialEstimate& estimate) {
        return costs.seconds(trial, estimate);
      },
      keys_of(done));
}

bool is_search(const LoadedSweep& loaded) {
  return loaded.sweep.search.method != SearchMethod::kGrid;
}

std::string time_text(const LoadedSweep& loaded, const CostModel& costs, const DoneBefore* done,
                      bool of_the_rest) {
  const double seconds = estimated_seconds(loaded, costs, done);
  return (of_the_rest ? "Estimated time of the rest on one device: "
                      : "Estimated time on one device: ") +
         duration_text(seconds) + " (" + costs.source(loaded.plan.trials) + ").\n";
}

std::string memory_note(const std::vector<Row>& rows) {
  const auto measured = [](const Row& row) { return row.memory_measured; };
  std::string text = "memory: of a trainer with one such trial";
  if (std::none_of(rows.begin(), rows.end(), measured)) return text + ", estimated.\n";
  text += ", measured with what was trained before and beside it";
  return text + (std::all_of(rows.begin(), rows.end(), measured) ? ".\n" : "; ~ estimated.\n");
}

Json budgets_json(const Budgets& budgets) {
  Json json = Json::object();
  if (budgets.max_trials) json["max_trials"] = *budgets.max_trials;
  if (budgets.max_time_ms) {
    json["max_time_seconds"] = static_cast<double>(*budgets.max_time_ms) / 1000;
  }
  if (budgets.max_gpu_hours) json["max_gpu_hours"] = *budgets.max_gpu_hours;
  if (budgets.target) json["target"] = *budgets.target;
  return json;
}

}  // namespace

std::string plan_text(const LoadedSweep& loaded, const CostModel& costs, const DoneBefore* done) {
  const SweepPlan& plan = loaded.plan;
  const std::vector<Row> rows = rows_of(loaded, costs);
  std::string text = loaded.sweep.name + ": " + counts_text(loaded) + "\n";
  if (!loaded.sweep.description.empty()) text += loaded.sweep.description + "\n";
  if (!rows.empty()) {
    text += "\n" + parameters_table(rows) + "\n";
    text += "trained: parameters of the adapter; of base: their share of the base's, head apart. " +
            denominators(rows) + ".\n" + memory_note(rows);
  }
  if (!loaded.sweep.select.empty()) {
    text += "Per cell, " + join(loaded.sweep.select, " and ") +
            " is chosen on validation; the test value of that choice is reported.\n";
  }
  const std::string ends = ends_text(loaded.sweep.search.budgets);
  if (!ends.empty()) text += "Ends early at " + ends + ".\n";
  const std::int64_t finished = count_done(plan, done);
  if (finished > 0) {
    text += fmt::format("Done already in {}: {} of {} trials; they are not trained again.\n",
                        done->folder, finished, plan.trials.size());
  }
  text += is_search(loaded) ? search_text(loaded, costs, estimated_seconds(loaded, costs, done))
                            : time_text(loaded, costs, done, finished > 0);
  for (const std::string& warning : plan.warnings)
    text += "Warning: " + warning + ".\n";
  for (const std::string& notice : plan.notices)
    text += "Note: " + notice + ".\n";
  return text;
}

Json plan_json(const LoadedSweep& loaded, const CostModel& costs, const DoneBefore* done) {
  const double seconds = estimated_seconds(loaded, costs, done);
  const std::vector<PlannedTrial>& estimated =
      is_search(loaded) ? loaded.plan.ends : loaded.plan.trials;
  Json parameters = Json::array();
  for (const Row& row : rows_of(loaded, costs)) {
    parameters.push_back({{"base", row.base},
                          {"task", row.task},
                          {"adapter", row.adapter},
                          {"rank", row.rank.empty() ? Json() : Json(std::stoll(row.rank))},
                          {"baseline", row.is_baseline},
                          {"trials", row.trials},
                          {"cells", static_cast<std::int64_t>(row.cells.size())},
                          {"adapter_parameters", row.counts.adapter},
                          {"head_parameters", row.counts.head},
                          {"base_parameters", row.counts.base},
                          {"share_of_base_percent", share_percent(row.counts)},
                          {"memory_bytes", std::llround(row.memory_bytes)},
                          {"memory_measured", row.memory_measured}});
  }
  return {{"name", loaded.sweep.name},
          {"trials", loaded.plan.trial_count},
          {"cells", loaded.plan.cell_count},
          {"baselines", loaded.plan.baseline_count},
          {"folded", loaded.plan.folded},
          {"search", is_search(loaded)},
          {"budgets", budgets_json(loaded.sweep.search.budgets)},
          {"done", count_done(loaded.plan, done)},
          {"estimated_seconds", is_search(loaded) ? Json() : Json(seconds)},
          {"ranges", is_search(loaded) ? search_json(loaded, costs, seconds) : Json()},
          {"rate",
           {{"measured", costs.is_measured()},
            {"assumed_flops_per_s", costs.assumed().flops_per_s},
            {"source", costs.source(estimated)}}},
          {"parameters", parameters},
          {"warnings", loaded.plan.warnings},
          {"notices", loaded.plan.notices}};
}

}  // namespace plateau::cli
