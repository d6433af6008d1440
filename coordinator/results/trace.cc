#include "coordinator/results/trace.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "coordinator/results/escape.h"
#include "coordinator/results/summary.h"

namespace plateau::results {
namespace {

struct Traced {
  const Cell* cell;
  const SeedResult* seed;
  const TrialRow* row;
  bool selected;
};

std::vector<Traced> traced(const RunView& run, const Summary& summary) {
  std::map<TrialId, const TrialRow*> rows;
  for (const TrialRow& row : run.trials)
    rows[row.id] = &row;
  std::vector<Traced> all;
  const auto take = [&](const std::vector<Cell>& cells, bool selected) {
    for (const Cell& cell : cells) {
      for (const SeedResult& seed : cell.seeds)
        all.push_back({&cell, &seed, rows.at(seed.trial), selected});
    }
  };
  take(summary.cells, true);
  take(summary.not_selected, false);
  return all;
}

std::string value_text(const Traced& one) {
  if (!one.seed->value) return state_word(one.seed->state);
  return format_fixed(*one.seed->value, 6);
}

}  // namespace

Table trace_table(const RunView& run) {
  const Summary summary = summarise(run);
  Table table;
  table.title = "Trials behind the results of " + summary.run + ".";
  const bool bases = summary.bases.size() > 1;
  const bool tasks = summary.tasks.size() > 1;
  if (bases) table.columns.push_back({"Base"});
  if (tasks) table.columns.push_back({"Task"});
  table.columns.push_back({"Adapter"});
  for (const char* header : {"Rank", "Learning rate", "Seed", "Value", "Trial", "Attempt"})
    table.columns.push_back({header, /*is_number=*/true});
  table.columns.push_back({"Folder"});
  const bool reused = std::any_of(run.trials.begin(), run.trials.end(),
                                  [](const TrialRow& row) { return !row.reused_from.empty(); });
  if (reused) table.columns.push_back({"Taken from"});
  const Cell* last = nullptr;
  for (const Traced& one : traced(run, summary)) {
    Row row;
    row.starts_group = last != nullptr && one.cell != last;
    last = one.cell;
    const auto add = [&](std::string text) { row.entries.push_back({std::move(text)}); };
    if (bases) add(one.cell->base);
    if (tasks) add(one.cell->task);
    add(one.cell->title);
    add(one.cell->rank ? std::to_string(*one.cell->rank) : "–");
    add(one.cell->is_baseline ? "–" : format_rate(one.cell->learning_rate));
    add(std::to_string(one.seed->seed));
    add(value_text(one));
    add(std::to_string(one.seed->trial.value));
    add(std::to_string(one.row->attempts));
    add(one.row->folder);
    if (reused) add(one.row->reused_from);
    table.rows.push_back(std::move(row));
  }
  table.notes.push_back(
      "Value: the task's metric on the test split as it is stored (six digits; csv and json have "
      "all), of the accepted attempt, or the "
      "trial's state. A cell's mean is over the values between two rules. The folder is inside the "
      "run's and holds metrics.jsonl and predictions.jsonl.");
  return table;
}

std::string trace_csv(const RunView& run) {
  const Summary summary = summarise(run);
  std::string text =
      "base,task,adapter,rank,learning_rate,seed,metric,split,value,state,trial,attempts,key,cell,"
      "selected,folder,reused_from\r\n";
  for (const Traced& one : traced(run, summary)) {
    const Cell& cell = *one.cell;
    const std::vector<std::string> fields{cell.base,
                                          cell.task,
                                          cell.method,
                                          cell.rank ? std::to_string(*cell.rank) : "",
                                          cell.is_baseline ? "" : format_number(cell.learning_rate),
                                          std::to_string(one.seed->seed),
                                          cell.metric.name,
                                          "test",
                                          one.seed->value ? format_number(*one.seed->value) : "",
                                          state_word(one.seed->state),
                                          std::to_string(one.seed->trial.value),
                                          std::to_string(one.row->attempts),
                                          one.row->key,
                                          cell.key,
                                          one.selected ? "yes" : "no",
                                          one.row->folder,
                                          one.row->reused_from};
    for (std::size_t i = 0; i < fields.size(); ++i)
      text += (i == 0 ? "" : ",") + csv_field(fields[i]);
    text += "\r\n";
  }
  return text;
}

std::string trace_json(const RunView& run) {
  using Json = nlohmann::json;
  const Summary summary = summarise(run);
  Json json{{"format", "plateau-trace/1"}, {"run", run.name}, {"trials", Json::array()}};
  for (const Traced& one : traced(run, summary)) {
    Json trial{{"trial", one.seed->trial.value},
               {"attempts", one.row->attempts},
               {"key", one.row->key},
               {"cell", one.cell->key},
               {"base", one.cell->base},
               {"task", one.cell->task},
               {"adapter", one.cell->method},
               {"seed", one.seed->seed},
               {"metric", one.cell->metric.name},
               {"value", one.seed->value ? Json(*one.seed->value) : Json(nullptr)},
               {"state", state_word(one.seed->state)},
               {"selected", one.selected},
               {"folder", one.row->folder}};
    if (one.cell->rank) trial["rank"] = *one.cell->rank;
    if (!one.row->reused_from.empty()) trial["reused_from"] = one.row->reused_from;
    if (!one.seed->reason.empty()) trial["reason"] = one.seed->reason;
    json["trials"].push_back(std::move(trial));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace plateau::results
