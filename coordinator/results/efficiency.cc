#include "coordinator/results/efficiency.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "coordinator/results/estimate.h"
#include "coordinator/results/figure/pareto_figure.h"
#include "coordinator/results/notes.h"
#include "coordinator/results/side_columns.h"

namespace plateau::results {
namespace {

constexpr double kConfidence = 0.95;
constexpr std::size_t kResamples = 1999;
// Wu et al. 2024 (arXiv 2404.03592): "10x-50x more parameter-efficient than" LoRA.
constexpr double kClaimLow = 10.0;
constexpr double kClaimHigh = 50.0;

bool usable(const Cell* cell) {
  return cell->complete() && cell->collapsed() == 0 && cell->adapter_parameters.value_or(0) > 0;
}

std::map<std::uint64_t, double> by_seed(const Cell& cell) {
  const double turn = cell.metric.higher_is_better ? cell.metric.factor : -cell.metric.factor;
  std::map<std::uint64_t, double> values;
  for (const SeedResult& seed : cell.seeds) {
    if (seed.value) values[seed.seed] = turn * *seed.value;
  }
  return values;
}

// By parameters, ascending; of two sizes with equal counts the first stays.
std::vector<const Cell*> sizes_of(const Curve& curve) {
  std::vector<const Cell*> cells;
  for (const Cell* cell : curve.cells) {
    if (usable(cell)) cells.push_back(cell);
  }
  std::stable_sort(cells.begin(), cells.end(), [](const Cell* a, const Cell* b) {
    return *a->adapter_parameters < *b->adapter_parameters;
  });
  cells.erase(std::unique(cells.begin(), cells.end(),
                          [](const Cell* a, const Cell* b) {
                            return *a->adapter_parameters == *b->adapter_parameters;
                          }),
              cells.end());
  return cells;
}

std::set<std::uint64_t> common_seeds(const std::vector<const Cell*>& cells) {
  std::set<std::uint64_t> seeds;
  for (const auto& [seed, value] : by_seed(*cells.front()))
    seeds.insert(seed);
  for (const Cell* cell : cells) {
    const auto values = by_seed(*cell);
    std::erase_if(seeds, [&](std::uint64_t seed) { return values.count(seed) == 0; });
  }
  return seeds;
}

statistics::SizeCurve size_curve(const std::vector<const Cell*>& cells,
                                 const std::set<std::uint64_t>& seeds) {
  statistics::SizeCurve curve;
  curve.values.resize(seeds.size());
  for (const Cell* cell : cells) {
    curve.parameters.push_back(static_cast<double>(*cell->adapter_parameters));
    const auto values = by_seed(*cell);
    std::size_t place = 0;
    for (std::uint64_t seed : seeds)
      curve.values[place++].push_back(values.at(seed));
  }
  return curve;
}

std::optional<EfficiencyRatio> ratio_of(const Curve& a, const Curve& b) {
  std::vector<const Cell*> first = sizes_of(a);
  std::vector<const Cell*> second = sizes_of(b);
  if (first.empty() || second.empty()) return std::nullopt;
  std::vector<const Cell*> both = first;
  both.insert(both.end(), second.begin(), second.end());
  const std::set<std::uint64_t> seeds = common_seeds(both);
  if (seeds.empty()) return std::nullopt;
  const auto resamples =
      resamples_of(seeds.size(), kResamples, "parameters of " + a.label + " and " + b.label);
  auto ratio = statistics::parameter_ratio(size_curve(first, seeds), size_curve(second, seeds),
                                           resamples, kConfidence);
  const bool turned = ratio.ratio < 1.0;
  if (turned) {
    ratio = statistics::parameter_ratio(size_curve(second, seeds), size_curve(first, seeds),
                                        resamples, kConfidence);
  }
  const MetricStyle& metric = first.front()->metric;
  if (!metric.higher_is_better) ratio.level = -ratio.level;
  return EfficiencyRatio{
      a.base,       a.task, turned ? b.label : a.label, turned ? a.label : b.label, metric,
      seeds.size(), ratio};
}

std::vector<const Cell*> points_of(const Summary& summary, const std::string& base,
                                   const std::string& task) {
  std::vector<const Cell*> points;
  for (const Cell& cell : summary.cells) {
    if (cell.base == base && cell.task == task && cell.rank && !cell.is_baseline && usable(&cell)) {
      points.push_back(&cell);
    }
  }
  return points;
}

// Every usable size, and whether it is on the front of its base and task.
std::vector<std::pair<const Cell*, bool>> points_with_front(const Summary& summary) {
  std::vector<std::pair<const Cell*, bool>> all;
  for (const BaseSummary& base : summary.bases) {
    for (const TaskSummary& task : summary.tasks) {
      const auto points = points_of(summary, base.name, task.name);
      const auto front = pareto_front(points);
      for (const Cell* cell : points)
        all.emplace_back(cell, std::find(front.begin(), front.end(), cell) != front.end());
    }
  }
  return all;
}

void add_places(const Summary& summary, Table& table) {
  if (summary.bases.size() > 1) table.columns.push_back({"Base"});
  if (summary.tasks.size() > 1) table.columns.push_back({"Task"});
}

Row row_at(const Summary& summary, const std::string& base, const std::string& task) {
  Row row;
  if (summary.bases.size() > 1) row.entries.push_back({base});
  if (summary.tasks.size() > 1) row.entries.push_back({task});
  return row;
}

Table points_table(const Summary& summary) {
  Table table;
  table.name = "pareto";
  table.title = "Metric against trainable parameters of " + summary.run + ".";
  add_places(summary, table);
  table.columns.push_back({"Adapter"});
  for (const char* header : {"Rank", "Params", "Size (MiB)", "Base (MiB)"})
    table.columns.push_back({header, /*is_number=*/true});
  table.columns.push_back({"Metric", true, true});
  table.columns.push_back({"Pareto front"});
  for (const auto& [cell, on_front] : points_with_front(summary)) {
    Row row = row_at(summary, cell->base, cell->task);
    const MetricStyle& style = cell->metric;
    Entry value{format_fixed(style.factor * *cell->mean, style.decimals)};
    if (cell->standard_deviation) {
      value.spread = format_fixed(style.factor * *cell->standard_deviation, style.decimals);
    }
    for (const std::string& text :
         {cell->title, std::to_string(*cell->rank), format_count(*cell->adapter_parameters),
          mebibytes_text(cell->adapter_bytes), mebibytes_text(cell->base_bytes)})
      row.entries.push_back({text});
    row.entries.push_back(value);
    row.entries.push_back({on_front ? "yes" : "–"});
    table.rows.push_back(std::move(row));
  }
  table.notes.push_back(
      "Pareto front: no other size of the base and task has a mean at least as "
      "good with fewer parameters. Incomplete cells and cells with collapsed runs "
      "are left out. Means ± standard deviation over seeds. Size is the adapter's file on disk, "
      "base "
      "the frozen model in memory, in its precision or in a few bits a value.");
  return table;
}

std::string ratio_text(const EfficiencyRatio& one) {
  // What the first needs may be less than its smallest size: the ratio is a lower bound, and so on.
  const bool at_least = one.ratio.first_at_smallest;
  const bool at_most = one.ratio.second_at_smallest;
  const std::string sign = at_least && at_most ? "~" : at_least ? "≥ " : at_most ? "≤ " : "";
  return sign + format_fixed(one.ratio.ratio, 1);
}

std::string ratio_interval(const EfficiencyRatio& one) {
  if (!one.ratio.interval) return "–";
  return "[" + format_fixed(one.ratio.interval->low, 1) + ", " +
         format_fixed(one.ratio.interval->high, 1) + "]";
}

// Fewer seeds than a plateau needs decide nothing here either.
std::string claim_of(const EfficiencyRatio& one) {
  if (one.first != "LoReFT") return "the other way round here";
  if (one.seeds < kSeedsForPlateau || !one.ratio.interval) {
    return "open, " + std::to_string(one.seeds) + (one.seeds == 1 ? " seed is" : " seeds are") +
           " too few";
  }
  // Where the smallest size of one is already better than the level, the ratio is only a bound.
  const bool could_be_more = one.ratio.first_at_smallest;
  const bool could_be_less = one.ratio.second_at_smallest;
  const statistics::Interval& interval = *one.ratio.interval;
  if (interval.high < kClaimLow) return could_be_more ? "open, only a lower bound" : "below 10";
  if (interval.low > kClaimHigh) return could_be_less ? "open, only an upper bound" : "above 50";
  if (interval.low >= kClaimLow && interval.high <= kClaimHigh) {
    return could_be_more || could_be_less ? "open, only a bound" : "within 10 to 50";
  }
  return "open, the interval crosses a bound";
}

std::vector<std::string> ratio_notes(const std::vector<EfficiencyRatio>& ratios) {
  std::vector<std::string> notes{
      "Ratio: parameters of the second over those of the first, where both reach the level, the "
      "best metric that both reach. Sizes between those tried are interpolated, log(parameters) "
      "linear in the running maximum of the mean. 95 % percentile bootstrap over seeds, the same "
      "seeds in both. ≥, ≤, ~: the smallest size of the first, second, both is already better than "
      "the level."};
  std::size_t fewest = 1000;
  for (const EfficiencyRatio& one : ratios) {
    fewest = std::min(fewest, one.seeds);
    if (one.first != "LoReFT" && one.second != "LoReFT") continue;
    notes.push_back("LoReFT's claim of 10 to 50 times fewer parameters, against " +
                    (one.first == "LoReFT" ? one.second : one.first) + " on " + one.task + ": " +
                    claim_of(one) + " (" + ratio_text(one) + ", " + ratio_interval(one) + ").");
  }
  if (!ratios.empty() && fewest < kSeedsForPlateau) {
    notes.push_back(std::to_string(fewest) + (fewest == 1 ? " seed is" : " seeds are") +
                    " too few for a bootstrap: the intervals are too narrow.");
  }
  return notes;
}

Table ratios_table(const Summary& summary) {
  Table table;
  table.name = "ratios";
  table.title = "Parameters at equal metric of " + summary.run + ".";
  add_places(summary, table);
  for (const char* header : {"First", "Second"})
    table.columns.push_back({header});
  for (const char* header : {"Level", "Params first", "Params second", "Ratio", "95 %", "Seeds"})
    table.columns.push_back({header, /*is_number=*/true});
  const auto ratios = parameter_ratios(summary);
  for (const EfficiencyRatio& one : ratios) {
    Row row = row_at(summary, one.base, one.task);
    for (const std::string& text :
         {one.first, one.second, format_fixed(one.ratio.level, one.metric.decimals),
          format_count(std::llround(one.ratio.first)), format_count(std::llround(one.ratio.second)),
          ratio_text(one), ratio_interval(one), std::to_string(one.seeds)})
      row.entries.push_back({text});
    table.rows.push_back(std::move(row));
  }
  table.notes = ratio_notes(ratios);
  return table;
}

}  // namespace

std::vector<EfficiencyRatio> parameter_ratios(const Summary& summary) {
  const std::vector<Curve> all = curves(summary);
  std::vector<EfficiencyRatio> ratios;
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t k = i + 1; k < all.size(); ++k) {
      if (all[i].base != all[k].base || all[i].task != all[k].task) continue;
      if (auto one = ratio_of(all[i], all[k])) ratios.push_back(std::move(*one));
    }
  }
  return ratios;
}

std::vector<Table> efficiency_tables(const Summary& summary) {
  return {points_table(summary), ratios_table(summary)};
}

std::string efficiency_json(const Summary& summary) {
  using Json = nlohmann::json;
  Json json{
      {"format", "plateau-efficiency/1"}, {"points", Json::array()}, {"ratios", Json::array()}};
  for (const auto& [cell, on_front] : points_with_front(summary)) {
    json["points"].push_back({{"cell", cell->key},
                              {"base", cell->base},
                              {"task", cell->task},
                              {"adapter", cell->method},
                              {"rank", *cell->rank},
                              {"adapter_parameters", *cell->adapter_parameters},
                              {"adapter_bytes", cell->adapter_bytes.value_or(0)},
                              {"base_bytes", cell->base_bytes.value_or(0)},
                              {"metric", cell->metric.name},
                              {"mean", *cell->mean},
                              {"pareto", on_front}});
  }
  for (const EfficiencyRatio& one : parameter_ratios(summary)) {
    Json interval = nullptr;
    if (one.ratio.interval) interval = {one.ratio.interval->low, one.ratio.interval->high};
    json["ratios"].push_back({{"base", one.base},
                              {"task", one.task},
                              {"first", one.first},
                              {"second", one.second},
                              {"level", one.ratio.level / one.metric.factor},
                              {"metric", one.metric.name},
                              {"parameters_first", one.ratio.first},
                              {"parameters_second", one.ratio.second},
                              {"ratio", one.ratio.ratio},
                              {"interval", interval},
                              {"first_at_smallest", one.ratio.first_at_smallest},
                              {"second_at_smallest", one.ratio.second_at_smallest},
                              {"seeds", one.seeds}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace plateau::results
