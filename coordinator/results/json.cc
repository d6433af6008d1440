#include <nlohmann/json.hpp>

#include "coordinator/results/cells.h"
#include "coordinator/results/notes.h"

namespace plateau::results {
namespace {

using Json = nlohmann::json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json seed_json(const SeedResult& seed) {
  Json json{{"trial", seed.trial.value},
            {"seed", seed.seed},
            {"state", state_word(seed.state)},
            {"value", or_null(seed.value)},
            {"validation", or_null(seed.validation)}};
  if (!seed.reason.empty()) json["reason"] = seed.reason;
  if (!seed.collapsed.empty()) json["collapsed"] = seed.collapsed;
  return json;
}

Json cell_json(const Cell& cell, bool selected) {
  Json json{{"cell", cell.key},
            {"base", cell.base},
            {"task", cell.task},
            {"adapter", cell.method},
            {"title", cell.title},
            {"baseline", cell.is_baseline},
            {"rank", or_null(cell.rank)},
            {"alpha", or_null(cell.alpha)},
            {"scale", or_null(cell.scale)},
            {"metric", cell.metric.name},
            {"scaling", cell.scaling},
            {"protocol", cell.protocol},
            {"mean", or_null(cell.mean)},
            {"standard_deviation", or_null(cell.standard_deviation)},
            {"seeds_planned", cell.planned()},
            {"seeds_with_value", cell.with_value()},
            {"adapter_parameters", or_null(cell.adapter_parameters)},
            {"base_parameters", or_null(cell.base_parameters)},
            {"head_parameters", or_null(cell.head_parameters)},
            {"adapter_bytes", or_null(cell.adapter_bytes)},
            {"base_bytes", or_null(cell.base_bytes)},
            {"peak_memory_bytes", or_null(cell.peak_memory_bytes)},
            {"train_seconds", or_null(cell.train_seconds)},
            {"total_seconds", cell.total_seconds},
            {"selected", selected},
            {"seeds", Json::array()},
            {"settings", Json::object()}};
  if (!cell.is_baseline) {
    json["learning_rate"] = cell.learning_rate;
    json["head_learning_rate"] = cell.head_learning_rate;
  }
  for (const SeedResult& seed : cell.seeds)
    json["seeds"].push_back(seed_json(seed));
  for (const auto* settings : {&cell.settings, &cell.selected}) {
    for (const Setting& setting : *settings) {
      if (!setting.value.empty()) json["settings"][setting.name] = setting.value;
    }
  }
  return json;
}

}  // namespace

std::string cells_json(const Summary& summary) {
  Json json{{"format", "plateau-results/1"},   {"run", summary.run},
            {"split", summary.split},          {"version", summary.program_version},
            {"devices", summary.device_names}, {"bases", Json::array()},
            {"tasks", Json::array()},          {"cells", Json::array()},
            {"notes", table_notes(summary)}};
  for (const BaseSummary& base : summary.bases) {
    json["bases"].push_back(
        {{"name", base.name}, {"sha256", base.sha256}, {"parameters", or_null(base.parameters)}});
  }
  for (const TaskSummary& task : summary.tasks) {
    json["tasks"].push_back({{"name", task.name},
                             {"sha256", task.spec.sha256},
                             {"metric", task.metric.name},
                             {"higher_is_better", task.metric.higher_is_better},
                             {"notes", task.notes}});
  }
  for (const Cell& cell : summary.cells)
    json["cells"].push_back(cell_json(cell, /*selected=*/true));
  for (const Cell& cell : summary.not_selected)
    json["cells"].push_back(cell_json(cell, /*selected=*/false));
  // Bytes that are no UTF-8 (a name from a file) become U+FFFD instead of an exception.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace plateau::results
