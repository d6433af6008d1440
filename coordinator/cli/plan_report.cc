#include "coordinator/cli/plan_report.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/spec/fields.h"
#include "common/spec/methods.h"

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
  std::unordered_set<std::string_view> cells;  // of the plan
};

Row row_of(const LoadedSweep& loaded, const PlannedTrial& planned) {
  const Trial& trial = planned.trial;
  Row row{
      trial.base.name, trial.task.name, trial.adapter.method, "", {}, planned.is_baseline, 0, {}};
  if (trial.adapter.parameters.contains("rank")) {
    row.rank = trial.adapter.parameters["rank"].dump();
  }
  const Result<ParameterCounts> counts =
      count_parameters(loaded.sources.bases.at(trial.base.name).facts, trial);
  if (counts) row.counts = counts.value();
  return row;
}

std::vector<Row> rows_of(const LoadedSweep& loaded) {
  std::vector<Row> rows;
  std::unordered_map<std::string, std::size_t> known;  // what a row depends on -> its number
  for (const PlannedTrial& planned : loaded.plan.trials) {
    const Trial& trial = planned.trial;
    const auto [at, is_new] =
        known.try_emplace(trial.base.name + '\n' + trial.base.pooling + '\n' + trial.task.name +
                          '\n' + trial.adapter.method + trial.adapter.parameters.dump());
    if (is_new) {
      Row row = row_of(loaded, planned);
      const auto same = std::find_if(rows.begin(), rows.end(), [&](const Row& other) {
        return other.base == row.base && other.task == row.task && other.adapter == row.adapter &&
               other.rank == row.rank && other.counts.adapter == row.counts.adapter;
      });
      at->second = static_cast<std::size_t>(same - rows.begin());
      if (same == rows.end()) rows.push_back(std::move(row));
    }
    ++rows[at->second].trials;
    rows[at->second].cells.insert(planned.cell);
  }
  return rows;
}

// 22565376 -> "22,565,376"
std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3)
    digits.insert(at - 3, ",");
  return digits;
}

double share_percent(const ParameterCounts& counts) {
  return 100.0 * static_cast<double>(counts.adapter) / static_cast<double>(counts.base);
}

std::string title_of(const std::string& method) {
  const MethodSchema* schema = find_method(method);
  return schema == nullptr ? method : schema->title;
}

// Columns as wide as their widest cell; the first `left` ones are aligned to the left.
std::string table_text(const std::vector<std::vector<std::string>>& table, std::size_t left) {
  std::vector<std::size_t> widths(table.front().size(), 0);
  for (const auto& line : table) {
    for (std::size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : table) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      out += i < left ? fmt::format("{:<{}}  ", line[i], widths[i])
                      : fmt::format("{:>{}}  ", line[i], widths[i]);
    }
    text += out.substr(0, out.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string parameters_table(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> table = {
      {"base", "task", "adapter", "rank", "cells", "trials", "trained", "of base", "head"}};
  for (const Row& row : rows) {
    table.push_back({row.base, row.task, title_of(row.adapter), row.rank,
                     row.is_baseline ? "-" : std::to_string(row.cells.size()),
                     std::to_string(row.trials), with_commas(row.counts.adapter),
                     fmt::format("{:.3f} %", share_percent(row.counts)),
                     with_commas(row.counts.head)});
  }
  return table_text(table, 3);
}

std::string denominators(const std::vector<Row>& rows) {
  std::set<std::string> texts;
  for (const Row& row : rows)
    texts.insert(row.base + " has " + with_commas(row.counts.base) + " frozen parameters");
  return join({texts.begin(), texts.end()}, "; ");
}

// The place of a field's value in the trial, for every name that a sweep could have set.
std::vector<std::pair<std::string, Json>> values_of(const Trial& trial) {
  std::vector<std::pair<std::string, Json>> values = {
      {"base", trial.base.name}, {"task", trial.task.name}, {"adapter", trial.adapter.method}};
  for (const auto& [name, value] : trial.adapter.parameters.items())
    values.emplace_back(name, value);
  const Json json = to_json(trial);
  for (const TrialField& field : trial_fields())
    values.emplace_back(field.schema.name, json.at(Json::json_pointer(field.json_pointer)));
  return values;
}

std::string origin_text(const PlannedTrial& planned, const std::string& name, const Json& value) {
  const auto origin = planned.origins.find(name);
  if (origin != planned.origins.end()) {
    const bool computed = origin->second.kind == Origin::Kind::kExpression;
    const std::string& fragment = origin->second.place.fragment;
    return origin->second.place.text() + (fragment.empty() ? "" : ", fragment " + fragment) +
           (computed ? ", computed" : "");
  }
  if (name == "alpha") return "default, 2 * rank";
  const TrialField* field = find_field(name);
  if (field != nullptr && field->schema.default_value != value) {
    return field->json_pointer.rfind("/task/", 0) == 0 ? "the task's default"
                                                       : "the base's default";
  }
  return "default";
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
  return std::count_if(plan.trials.begin(), plan.trials.end(), [&](const PlannedTrial& trial) {
    return keys_of(done).count(trial.key) != 0;
  });
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

std::string plan_text(const LoadedSweep& loaded, const ComputeRate& rate, const DoneBefore* done) {
  const SweepPlan& plan = loaded.plan;
  const std::vector<Row> rows = rows_of(loaded);
  std::string text = loaded.sweep.name + ": " + counts_text(loaded) + "\n";
  if (!loaded.sweep.description.empty()) text += loaded.sweep.description + "\n";
  text += "\n" + parameters_table(rows) + "\n";
  text += "trained: parameters of the adapter; of base: their share of the base's, head apart. " +
          denominators(rows) + ".\n";
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
  const double seconds = estimate_seconds(plan, loaded.sources, rate, keys_of(done));
  text += (finished > 0 ? "Estimated time of the rest on one device: "
                        : "Estimated time on one device: ") +
          format_duration(static_cast<DurationMs>(seconds * 1000)) + " (" + rate.source + ").\n";
  for (const std::string& warning : plan.warnings)
    text += "Warning: " + warning + ".\n";
  for (const std::string& notice : plan.notices)
    text += "Note: " + notice + ".\n";
  return text;
}

Json plan_json(const LoadedSweep& loaded, const ComputeRate& rate, const DoneBefore* done) {
  Json parameters = Json::array();
  for (const Row& row : rows_of(loaded)) {
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
                          {"share_of_base_percent", share_percent(row.counts)}});
  }
  return {{"name", loaded.sweep.name},
          {"trials", loaded.plan.trial_count},
          {"cells", loaded.plan.cell_count},
          {"baselines", loaded.plan.baseline_count},
          {"folded", loaded.plan.folded},
          {"search", loaded.sweep.search.method != SearchMethod::kGrid},
          {"budgets", budgets_json(loaded.sweep.search.budgets)},
          {"done", count_done(loaded.plan, done)},
          {"estimated_seconds", estimate_seconds(loaded.plan, loaded.sources, rate, keys_of(done))},
          {"rate", {{"flops_per_s", rate.flops_per_s}, {"source", rate.source}}},
          {"parameters", parameters},
          {"warnings", loaded.plan.warnings},
          {"notices", loaded.plan.notices}};
}

std::string resolved_text(const LoadedSweep& loaded, std::size_t index) {
  const PlannedTrial& planned = loaded.plan.trials.at(index);
  std::string text =
      fmt::format("trial {} {} (key {})\n", index + 1, planned.label, planned.key.substr(0, 8));
  std::vector<std::vector<std::string>> table;
  for (const auto& [name, value] : values_of(planned.trial)) {
    const std::string shown = value.is_string() ? value.get<std::string>() : value.dump();
    table.push_back({"  " + name, shown, "(" + origin_text(planned, name, value) + ")"});
  }
  return text + table_text(table, 3);
}

}  // namespace plateau::cli
