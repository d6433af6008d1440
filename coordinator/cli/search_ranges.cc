#include "coordinator/cli/search_ranges.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "common/base/text.h"
#include "coordinator/cli/plan_columns.h"

namespace plateau::cli {
namespace {

using Json = nlohmann::json;

// Of one trial.
SearchRange range_of(const LoadedSweep& loaded, const CostModel& costs, const Trial& trial) {
  SearchRange range;
  range.base = trial.base.name;
  range.task = trial.task.name;
  range.adapter = trial.adapter.method;
  const auto same = [](double value) { return Range{value, value}; };
  if (trial.adapter.parameters.contains("rank"))
    range.rank = same(trial.adapter.parameters["rank"].get<double>());
  const Result<ParameterCounts> counts =
      count_parameters(loaded.sources.bases.at(trial.base.name).facts, trial);
  PLATEAU_CHECK(counts.ok(), "expansion has counted this trial's parameters");
  range.trained = same(static_cast<double>(counts->adapter));
  range.share_percent = same(share_percent(*counts));
  range.base_parameters = static_cast<double>(counts->base);
  const MemoryCost memory = memory_of(loaded, costs, trial);
  range.memory_bytes = same(memory.bytes);
  range.memory_measured = memory.is_measured;
  range.seconds = same(seconds_of(loaded, costs, trial));
  return range;
}

void widen(Range& range, const Range& other) {
  range.lowest = std::min(range.lowest, other.lowest);
  range.highest = std::max(range.highest, other.highest);
}

void widen(SearchRange& range, const SearchRange& other) {
  if (range.rank && other.rank) widen(*range.rank, *other.rank);
  widen(range.trained, other.trained);
  widen(range.share_percent, other.share_percent);
  widen(range.memory_bytes, other.memory_bytes);
  widen(range.seconds, other.seconds);
  range.memory_measured = range.memory_measured && other.memory_measured;
}

// All of a trial that its range depends on.
auto what_a_range_tells(const PlannedTrial& trial) {
  return std::tuple(trial.base.get(), trial.task.get(), trial.adapter.get(), trial.protocol.get(),
                    trial.optimizer->epochs, trial.optimizer->batch_size, trial.micro_batch_size,
                    trial.recompute_activations);
}

// Of the whole search: nullopt where nothing says how many trials it has.
std::optional<Range> altogether(const LoadedSweep& loaded, const std::vector<SearchRange>& ranges,
                                double baseline_seconds) {
  const std::optional<std::int64_t>& most = loaded.sweep.search.budgets.max_trials;
  if (!most || ranges.empty()) return std::nullopt;
  Range one = ranges.front().seconds;
  for (const SearchRange& range : ranges)
    widen(one, range.seconds);
  const auto trials = static_cast<double>(*most);
  return Range{trials * one.lowest + baseline_seconds, trials * one.highest + baseline_seconds};
}

// "4 to 64", or "4" where both are written alike.
template <class Write>
std::string range_text(const Range& range, Write write) {
  const std::string lowest = write(range.lowest), highest = write(range.highest);
  return lowest == highest ? lowest : lowest + " to " + highest;
}

std::string whole_text(double value) {
  return with_commas(std::llround(value));
}

std::string table_of(const std::vector<SearchRange>& ranges) {
  std::vector<std::vector<std::string>> table = {
      {"base", "task", "adapter", "rank", "trained", "of base (%)", "memory (MB)", "a trial"}};
  for (const SearchRange& range : ranges) {
    table.push_back(
        {range.base, range.task, title_of(range.adapter),
         range.rank ? range_text(*range.rank, whole_text) : "",
         range_text(range.trained, whole_text),
         range_text(range.share_percent, [](double v) { return fmt::format("{:.3f}", v); }),
         (range.memory_measured ? "" : "~") +
             range_text(range.memory_bytes,
                        [](double v) { return fmt::format("{:.0f}", v / 1e6); }),
         range_text(range.seconds, duration_text)});
  }
  return table_text(table, 3);
}

std::string time_altogether(const LoadedSweep& loaded, const CostModel& costs,
                            const std::optional<Range>& seconds) {
  const std::string source = " (" + costs.source(loaded.plan.ends) + ").\n";
  if (!seconds) return "Its time altogether is what ends it: nothing limits its trials" + source;
  const SearchSpec& search = loaded.sweep.search;
  const bool stops = !std::holds_alternative<std::monostate>(search.early_terminate);
  return "Estimated time on one device, baselines included: " +
         range_text(*seconds, duration_text) + " for " +
         std::to_string(*search.budgets.max_trials) + " trials" +
         (stops ? ", less what early_terminate saves" : "") + source;
}

std::string base_sizes(const std::vector<SearchRange>& ranges) {
  std::set<std::string> texts;
  for (const SearchRange& range : ranges)
    texts.insert(range.base + " has " + whole_text(range.base_parameters) + " frozen parameters");
  return join({texts.begin(), texts.end()}, "; ");
}

Json range_json(const Range& range, bool is_whole) {
  if (is_whole) {
    return {{"min", std::llround(range.lowest)}, {"max", std::llround(range.highest)}};
  }
  return {{"min", range.lowest}, {"max", range.highest}};
}

}  // namespace

std::vector<SearchRange> search_ranges(const LoadedSweep& loaded, const CostModel& costs) {
  std::vector<SearchRange> ranges;
  std::set<decltype(what_a_range_tells({}))> known;
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> rows;
  for (const PlannedTrial& planned : loaded.plan.ends) {
    if (!known.insert(what_a_range_tells(planned)).second) continue;
    const SearchRange one = range_of(loaded, costs, planned.trial());
    const auto [row, is_new] = rows.try_emplace({one.base, one.task, one.adapter}, ranges.size());
    if (is_new) {
      ranges.push_back(one);
    } else {
      widen(ranges[row->second], one);
    }
  }
  return ranges;
}

std::string search_text(const LoadedSweep& loaded, const CostModel& costs,
                        double baseline_seconds) {
  const std::vector<SearchRange> ranges = search_ranges(loaded, costs);
  if (ranges.empty()) return "Its time is not estimated.\n";
  return "\nWhat its trials may be, one by one:\n" + table_of(ranges) +
         "\ntrained: parameters of the adapter; of base: their share of the base's, head apart. " +
         base_sizes(ranges) + ". memory: of a trainer with one such trial; ~ estimated.\n" +
         time_altogether(loaded, costs, altogether(loaded, ranges, baseline_seconds));
}

Json search_json(const LoadedSweep& loaded, const CostModel& costs, double baseline_seconds) {
  const std::vector<SearchRange> ranges = search_ranges(loaded, costs);
  Json trials = Json::array();
  for (const SearchRange& range : ranges) {
    trials.push_back({{"base", range.base},
                      {"task", range.task},
                      {"adapter", range.adapter},
                      {"rank", range.rank ? range_json(*range.rank, true) : Json()},
                      {"adapter_parameters", range_json(range.trained, true)},
                      {"base_parameters", std::llround(range.base_parameters)},
                      {"share_of_base_percent", range_json(range.share_percent, false)},
                      {"memory_bytes", range_json(range.memory_bytes, true)},
                      {"memory_measured", range.memory_measured},
                      {"seconds", range_json(range.seconds, false)}});
  }
  const std::optional<Range> seconds = altogether(loaded, ranges, baseline_seconds);
  return {{"trials", std::move(trials)},
          {"estimated_seconds", seconds ? range_json(*seconds, false) : Json()}};
}

}  // namespace plateau::cli
