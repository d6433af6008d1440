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

bool counts(const SeedResult& seed, bool keep_collapsed) {
  return seed.value && (keep_collapsed || seed.collapsed.empty());
}

std::vector<std::optional<double>> values_by(const std::set<std::uint64_t>& seeds, const Cell& cell,
                                             bool keep_collapsed) {
  std::vector<std::optional<double>> values(seeds.size());
  for (const SeedResult& seed : cell.seeds) {
    const auto place = std::distance(seeds.begin(), seeds.find(seed.seed));
    if (seeds.count(seed.seed) == 0 || !counts(seed, keep_collapsed)) continue;
    values[static_cast<std::size_t>(place)] = cell.metric.factor * *seed.value;
  }
  return values;
}

std::set<std::uint64_t> seeds_of(const Curve& curve) {
  std::set<std::uint64_t> seeds;
  for (const Cell* cell : curve.cells) {
    for (const SeedResult& seed : cell->seeds)
      seeds.insert(seed.seed);
  }
  return seeds;
}

// In printed units, by seed in one order for all cells of the curve.
std::vector<statistics::RankCell> rank_cells(const Curve& curve, bool keep_collapsed) {
  const std::set<std::uint64_t> seeds = seeds_of(curve);
  std::vector<statistics::RankCell> cells;
  for (const Cell* cell : curve.cells) {
    const bool all_collapsed = cell->collapsed() > 0 && cell->collapsed() == cell->with_value();
    cells.push_back(
        {*cell->rank, values_by(seeds, *cell, keep_collapsed), all_collapsed && !keep_collapsed});
  }
  return cells;
}

const Cell* reference_cell(const Summary& summary, const Curve& curve, const std::string& method) {
  for (const Cell& cell : summary.cells) {
    const bool is_its_own = curve.method == method;
    if (cell.base == curve.base && cell.task == curve.task && cell.method == method && cell.mean &&
        !is_its_own) {
      return &cell;
    }
  }
  return nullptr;
}

std::vector<std::string> collapsed_runs(const Curve& curve) {
  std::vector<std::string> runs;
  for (const Cell* cell : curve.cells) {
    for (const SeedResult& seed : cell->seeds) {
      if (seed.collapsed.empty()) continue;
      runs.push_back("r=" + std::to_string(*cell->rank) + " seed " + std::to_string(seed.seed) +
                     " (" + seed.collapsed + ")");
    }
  }
  return runs;
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

void add_collapsed_notes(const std::vector<PlateauFinding>& findings, bool kept, Table& table) {
  for (const PlateauFinding& finding : findings) {
    if (finding.left_out.empty()) continue;
    table.notes.push_back(
        (kept ? "Collapsed, but kept in by request: " : "Collapsed and left out: ") +
        finding.adapter + " on " + finding.task + ", " + join(finding.left_out, "; ") + ".");
  }
}

// Every curve has the same kind of reference.
std::string reference_words(const std::vector<PlateauFinding>& findings) {
  const bool own = findings.empty() || findings.front().reference.starts_with("largest rank");
  return own ? "largest rank" : "cell of " + findings.front().reference;
}

}  // namespace

Result<std::vector<PlateauFinding>> find_plateaus(const Summary& summary,
                                                  const PlateauOptions& options) {
  std::vector<PlateauFinding> findings;
  bool any_curve = false;
  for (const Curve& curve : curves(summary)) {
    if (curve.cells.size() < 2 || curve.method == options.reference) continue;
    any_curve = true;
    const MetricStyle& metric = curve.cells.front()->metric;
    statistics::PlateauQuestion question;
    question.cells = rank_cells(curve, options.keep_collapsed);
    question.margin = options.margin;
    question.alpha = options.alpha;
    question.power = options.power;
    question.higher_is_better = metric.higher_is_better;
    std::string reference = "largest rank (" + std::to_string(*curve.cells.back()->rank) + ")";
    if (!options.reference.empty()) {
      const Cell* cell = reference_cell(summary, curve, options.reference);
      if (cell == nullptr) continue;
      question.reference = values_by(seeds_of(curve), *cell, options.keep_collapsed);
      reference = cell->title;
    }
    PlateauFinding finding{curve.base,
                           curve.task,
                           curve.label,
                           metric.unit,
                           metric.name,
                           reference,
                           collapsed_runs(curve),
                           find_plateau(question),
                           plateau_power(question),
                           std::nullopt};
    finding.shape = shape_of(question.cells, finding.result.collapsed,
                             curve.base + "/" + curve.task + "/" + curve.label);
    findings.push_back(std::move(finding));
  }
  if (findings.empty() && any_curve) {
    return invalid_argument("no finished trial of '" + options.reference +
                            "' shares a base and a task with an adapter that has several ranks, so "
                            "it can be no reference.");
  }
  return findings;
}

Table plateau_table(const Summary& summary, const std::vector<PlateauFinding>& findings,
                    const PlateauOptions& options) {
  Table table;
  table.title = "Plateau test of " + summary.run + ".";
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
    const auto add = [&](std::string text) { row.entries.push_back({std::move(text)}); };
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
      "Answer: step-down non-inferiority against the " + reference_words(findings) +
      ", paired by seed, margin " + format_number(options.margin) +
      " in the unit of the metric as printed, one-sided level " + format_number(options.alpha) +
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
  add_collapsed_notes(findings, options.keep_collapsed, table);
  for (const auto& more : {plateau_notes(summary), learning_rate_notes(summary),
                           scaling_notes(summary), missing_notes(summary)}) {
    table.notes.insert(table.notes.end(), more.begin(), more.end());
  }
  return table;
}

std::string plateau_json(const std::vector<PlateauFinding>& findings,
                         const PlateauOptions& options) {
  using Json = nlohmann::json;
  Json json{{"format", "plateau-answers/1"},
            {"margin", options.margin},
            {"alpha", options.alpha},
            {"power", options.power},
            {"keep_collapsed", options.keep_collapsed},
            {"findings", Json::array()}};
  for (const PlateauFinding& finding : findings) {
    Json one{{"base", finding.base},
             {"task", finding.task},
             {"adapter", finding.adapter},
             {"unit", finding.unit},
             {"metric", finding.metric},
             {"reference", finding.reference},
             {"left_out", finding.left_out},
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
