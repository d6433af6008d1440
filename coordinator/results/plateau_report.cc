#include "coordinator/results/plateau_report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "common/base/random.h"
#include "common/base/text.h"
#include "coordinator/results/notes.h"

namespace plateau::results {
namespace {

using statistics::PlateauAnswer;

constexpr std::size_t kBootstrapResamples = 999;
constexpr char kNothing[] = "–";

// In printed units, by seed in one order for all cells of the curve.
std::vector<statistics::RankCell> rank_cells(const Curve& curve) {
  std::set<std::uint64_t> seeds;
  for (const Cell* cell : curve.cells) {
    for (const SeedResult& seed : cell->seeds)
      seeds.insert(seed.seed);
  }
  std::vector<statistics::RankCell> cells;
  for (const Cell* cell : curve.cells) {
    std::map<std::uint64_t, double> values;
    for (const SeedResult& seed : cell->seeds) {
      if (seed.value) values[seed.seed] = cell->metric.factor * *seed.value;
    }
    statistics::RankCell one{*cell->rank, {}};
    for (std::uint64_t seed : seeds) {
      const auto found = values.find(seed);
      one.values.push_back(found == values.end() ? std::nullopt
                                                 : std::optional<double>(found->second));
    }
    cells.push_back(std::move(one));
  }
  return cells;
}

std::optional<double> chance_of(const Summary& summary, const Curve& curve) {
  const MetricStyle& metric = curve.cells.front()->metric;
  if (metric.unit == "×100") return 0.0;
  if (metric.unit != "%") return std::nullopt;
  for (const Cell& cell : summary.cells) {
    if (cell.method == "majority" && cell.task == curve.task && cell.mean) {
      return metric.factor * *cell.mean;
    }
  }
  return std::nullopt;
}

std::optional<statistics::HockeyStick> shape_of(const std::vector<statistics::RankCell>& cells,
                                                const std::vector<std::int64_t>& collapsed,
                                                const std::string& name) {
  statistics::RankSeries series;
  series.values.resize(cells.empty() ? 0 : cells.front().values.size());
  for (const statistics::RankCell& cell : cells) {
    if (std::find(collapsed.begin(), collapsed.end(), cell.rank) != collapsed.end()) continue;
    series.ranks.push_back(cell.rank);
    for (std::size_t i = 0; i < cell.values.size(); ++i) {
      if (!cell.values[i]) return std::nullopt;
      series.values[i].push_back(*cell.values[i]);
    }
  }
  Random random(derive_seed(0, name));
  std::vector<std::vector<std::size_t>> resamples(kBootstrapResamples);
  for (auto& resample : resamples) {
    for (std::size_t i = 0; i < series.values.size(); ++i)
      resample.push_back(random.below(series.values.size()));
  }
  return fit_hockey_stick(series, resamples, 0.95);
}

std::string answer_text(const PlateauFinding& finding) {
  const statistics::PlateauResult& result = finding.result;
  std::string text = to_string(result.answer);
  if (result.answer == PlateauAnswer::kPlateau) text += " from r=" + std::to_string(*result.rank);
  if (result.answer == PlateauAnswer::kPeakThenDecline) {
    text += ", best r=" + std::to_string(*result.rank);
  }
  return text;
}

std::string needed_text(const PlateauFinding& finding) {
  if (!finding.power) return kNothing;
  const std::size_t needed = finding.power->seeds_needed;
  return needed >= 1000 ? "over 1000" : std::to_string(needed);
}

std::string rank_of_break(double log2_rank) {
  return format_fixed(std::exp2(log2_rank), 1);
}

std::string shape_text(const PlateauFinding& finding) {
  if (!finding.shape) return kNothing;
  const statistics::HockeyStick& shape = *finding.shape;
  std::string text = shape.best;
  if (text == "hockey stick") {
    text += ", r=" + rank_of_break(shape.break_log2) + " [" +
            rank_of_break(shape.break_interval.low) + ", " +
            rank_of_break(shape.break_interval.high) + "]";
  }
  return text;
}

void add_collapsed_notes(const std::vector<PlateauFinding>& findings, Table& table) {
  for (const PlateauFinding& finding : findings) {
    if (finding.result.collapsed.empty()) continue;
    std::string ranks;
    for (std::int64_t rank : finding.result.collapsed)
      ranks += (ranks.empty() ? "" : ", ") + std::to_string(rank);
    table.notes.push_back("Collapsed (mean below chance) and left out: " + finding.adapter +
                          " on " + finding.task + ", rank " + ranks + ".");
  }
}

}  // namespace

std::vector<PlateauFinding> find_plateaus(const Summary& summary, const PlateauOptions& options) {
  std::vector<PlateauFinding> findings;
  for (const Curve& curve : curves(summary)) {
    if (curve.cells.size() < 2) continue;
    statistics::PlateauQuestion question;
    question.cells = rank_cells(curve);
    question.margin = options.margin;
    question.alpha = options.alpha;
    question.power = options.power;
    question.higher_is_better = curve.cells.front()->metric.higher_is_better;
    question.chance = chance_of(summary, curve);
    PlateauFinding finding{curve.base,
                           curve.task,
                           curve.label,
                           curve.cells.front()->metric.unit,
                           find_plateau(question),
                           plateau_power(question),
                           std::nullopt};
    finding.shape = shape_of(question.cells, finding.result.collapsed,
                             curve.base + "/" + curve.task + "/" + curve.label);
    findings.push_back(std::move(finding));
  }
  return findings;
}

Table plateau_table(const Summary& summary, const std::vector<PlateauFinding>& findings,
                    const PlateauOptions& options) {
  Table table;
  table.title = summary.run;
  const bool bases = summary.bases.size() > 1;
  const bool tasks = summary.tasks.size() > 1;
  if (bases) table.columns.push_back({"Base"});
  if (tasks) table.columns.push_back({"Task"});
  for (const char* header : {"Adapter", "Answer"})
    table.columns.push_back({header});
  for (const char* header : {"Seeds", "Power", "Margin shown", "Seeds needed", "1-SE rank"})
    table.columns.push_back({header, /*is_number=*/true});
  table.columns.push_back({"Shape"});
  for (const PlateauFinding& finding : findings) {
    const auto& power = finding.power;
    const auto& label = finding.result.one_standard_error_rank;
    Row row;
    const auto add = [&](std::string text) {
      row.entries.push_back({std::move(text), "", "", Mark::kNone});
    };
    if (bases) add(finding.base);
    if (tasks) add(finding.task);
    add(finding.adapter);
    add(answer_text(finding));
    add(power ? std::to_string(power->seeds) : kNothing);
    add(power ? format_fixed(power->at_margin, 2) : kNothing);
    add(power ? format_fixed(power->smallest_margin, 2) : kNothing);
    add(needed_text(finding));
    add(label ? std::to_string(*label) : kNothing);
    add(shape_text(finding));
    table.rows.push_back(std::move(row));
  }
  table.notes.push_back(
      "Answer: step-down non-inferiority against the largest rank, paired by seed, margin " +
      format_number(options.margin) + " in the unit of the metric as printed, one-sided level " +
      format_number(options.alpha) +
      ". A rank that truly loses the margin or more is named with at most that probability; too "
      "large a rank is named often while the power is low.");
  table.notes.push_back(
      "Power: of one step when nothing is truly lost. Margin shown: the smallest that this many "
      "seeds show with power " +
      format_number(options.power) + ". Seeds needed: for the margin asked, with that power.");
  table.notes.push_back(
      "1-SE rank: the smallest rank within one standard error of the best mean. Description only: "
      "it names too large a rank about half the time, however many seeds there are.");
  table.notes.push_back(
      "Shape: the best of constant, line and hockey stick in log2(rank) by AICc, with a 95 % "
      "bootstrap interval of the break over seeds. Description only.");
  add_collapsed_notes(findings, table);
  for (const auto& more : {plateau_notes(summary), learning_rate_notes(summary),
                           scaling_notes(summary), missing_notes(summary)}) {
    table.notes.insert(table.notes.end(), more.begin(), more.end());
  }
  return table;
}

std::string plateau_json(const std::vector<PlateauFinding>& findings,
                         const PlateauOptions& options) {
  using Json = nlohmann::json;
  Json json{{"format", "plateau-answers/1"}, {"margin", options.margin},
            {"alpha", options.alpha},        {"power", options.power},
            {"reference", "largest rank"},   {"findings", Json::array()}};
  for (const PlateauFinding& finding : findings) {
    Json one{{"base", finding.base},
             {"task", finding.task},
             {"adapter", finding.adapter},
             {"unit", finding.unit},
             {"answer", to_string(finding.result.answer)},
             {"rank", finding.result.rank ? Json(*finding.result.rank) : Json(nullptr)},
             {"collapsed", finding.result.collapsed},
             {"steps", Json::array()}};
    if (const auto& label = finding.result.one_standard_error_rank) {
      one["one_standard_error_rank"] = *label;
    }
    for (const statistics::PlateauStep& step : finding.result.steps) {
      one["steps"].push_back({{"rank", step.rank},
                              {"pairs", step.pairs},
                              {"loss", step.loss},
                              {"deviation", step.deviation},
                              {"p_value", step.p_value},
                              {"passed", step.passed}});
    }
    if (finding.power) {
      one["power"] = {{"seeds", finding.power->seeds},
                      {"deviation", finding.power->deviation},
                      {"at_margin", finding.power->at_margin},
                      {"smallest_margin", finding.power->smallest_margin},
                      {"seeds_needed", finding.power->seeds_needed}};
    }
    if (finding.shape) {
      one["shape"] = {{"best", finding.shape->best},
                      {"break_rank", std::exp2(finding.shape->break_log2)},
                      {"break_interval",
                       {std::exp2(finding.shape->break_interval.low),
                        std::exp2(finding.shape->break_interval.high)}},
                      {"aicc",
                       {{"constant", finding.shape->aicc_constant},
                        {"line", finding.shape->aicc_line},
                        {"hockey stick", finding.shape->aicc_hockey_stick}}}};
    }
    json["findings"].push_back(std::move(one));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace plateau::results
