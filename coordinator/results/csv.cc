#include <functional>
#include <set>

#include "common/base/text.h"
#include "coordinator/results/cells.h"
#include "coordinator/results/escape.h"

namespace plateau::results {
namespace {

using Json = nlohmann::json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
Json count_of(std::size_t value) {
  return static_cast<std::int64_t>(value);
}

// A column of the cells; flags are "yes" and "no" in CSV.
struct Field {
  const char* name;
  ColumnType type;
  std::function<Json(const Cell&)> value;
};

Json percent_of_base(const Cell& cell) {
  if (!cell.adapter_parameters || cell.base_parameters.value_or(0) == 0) return nullptr;
  return 100.0 * static_cast<double>(*cell.adapter_parameters) /
         static_cast<double>(*cell.base_parameters);
}

Json trained_with(const Cell& cell, double rate) {
  return cell.is_baseline ? Json(nullptr) : Json(rate);
}

const std::vector<Field>& fields() {
  using enum ColumnType;
  static const std::vector<Field> all{
      {"base", kText, [](const Cell& c) { return Json(c.base); }},
      {"task", kText, [](const Cell& c) { return Json(c.task); }},
      {"adapter", kText, [](const Cell& c) { return Json(c.method); }},
      {"baseline", kFlag, [](const Cell& c) { return Json(c.is_baseline); }},
      {"rank", kInteger, [](const Cell& c) { return or_null(c.rank); }},
      {"alpha", kReal, [](const Cell& c) { return or_null(c.alpha); }},
      {"scale", kReal, [](const Cell& c) { return or_null(c.scale); }},
      {"learning_rate", kReal, [](const Cell& c) { return trained_with(c, c.learning_rate); }},
      {"head_learning_rate", kReal,
       [](const Cell& c) { return trained_with(c, c.head_learning_rate); }},
      {"scaling", kText, [](const Cell& c) { return Json(c.scaling); }},
      {"protocol", kText, [](const Cell& c) { return Json(c.protocol); }},
      {"metric", kText, [](const Cell& c) { return Json(c.metric.name); }},
      {"mean", kReal, [](const Cell& c) { return or_null(c.mean); }},
      {"standard_deviation", kReal, [](const Cell& c) { return or_null(c.standard_deviation); }},
      {"seeds_planned", kInteger, [](const Cell& c) { return count_of(c.planned()); }},
      {"seeds_with_value", kInteger, [](const Cell& c) { return count_of(c.with_value()); }},
      {"diverged", kInteger,
       [](const Cell& c) { return count_of(c.count(TrialState::kDiverged)); }},
      {"failed", kInteger, [](const Cell& c) { return count_of(c.count(TrialState::kFailed)); }},
      {"stopped", kInteger, [](const Cell& c) { return count_of(c.count(TrialState::kStopped)); }},
      {"running", kInteger, [](const Cell& c) { return count_of(c.count(TrialState::kRunning)); }},
      {"queued", kInteger, [](const Cell& c) { return count_of(c.count(TrialState::kQueued)); }},
      {"collapsed", kInteger, [](const Cell& c) { return count_of(c.collapsed()); }},
      {"adapter_parameters", kInteger, [](const Cell& c) { return or_null(c.adapter_parameters); }},
      {"percent_of_base", kReal, percent_of_base},
      {"base_parameters", kInteger, [](const Cell& c) { return or_null(c.base_parameters); }},
      {"head_parameters", kInteger, [](const Cell& c) { return or_null(c.head_parameters); }},
      {"adapter_bytes", kInteger, [](const Cell& c) { return or_null(c.adapter_bytes); }},
      {"base_bytes", kInteger, [](const Cell& c) { return or_null(c.base_bytes); }},
      {"peak_memory_bytes", kInteger, [](const Cell& c) { return or_null(c.peak_memory_bytes); }},
      {"train_seconds", kReal, [](const Cell& c) { return or_null(c.train_seconds); }},
      {"total_seconds", kReal, [](const Cell& c) { return Json(c.total_seconds); }},
  };
  return all;
}

std::string csv_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number_float()) return format_number(value.get<double>());
  return value.is_string() ? csv_field(value.get<std::string>()) : value.dump();
}

std::string setting_of(const Cell& cell, const std::string& name) {
  for (const auto* settings : {&cell.settings, &cell.selected}) {
    for (const Setting& setting : *settings) {
      if (setting.name == name) return setting.value;
    }
  }
  return "";
}

void add_row(std::string& text, const Cell& cell, const Summary& summary, bool selected) {
  for (const Field& field : fields())
    text += csv_text(field.value(cell)) + ",";
  text += csv_field(summary.split) + "," + csv_field(cell.key) + "," + (selected ? "yes" : "no");
  for (const std::string& name : summary.setting_names)
    text += "," + csv_field(setting_of(cell, name));
  text += "\r\n";
}

}  // namespace

std::string cells_csv(const Summary& summary) {
  std::string text;
  for (const Field& field : fields())
    text += csv_field(field.name) + ",";
  text += "split,cell,selected";
  for (const std::string& name : summary.setting_names)
    text += "," + csv_field(name);
  text += "\r\n";
  for (const Cell& cell : summary.cells)
    add_row(text, cell, summary, /*selected=*/true);
  for (const Cell& cell : summary.not_selected)
    add_row(text, cell, summary, /*selected=*/false);
  return text;
}

Result<Columns> cells_columns(const std::vector<NamedSummary>& tables) {
  std::set<std::string> settings;
  for (const NamedSummary& table : tables)
    settings.insert(table.summary.setting_names.begin(), table.summary.setting_names.end());
  std::vector<ColumnName> names{{"table"}};
  for (const Field& field : fields())
    names.push_back({field.name, field.type});
  for (const char* name : {"split", "cell"})
    names.push_back({name});
  names.push_back({"selected", ColumnType::kFlag});
  for (const std::string& name : settings)
    names.push_back({name});

  Columns columns = empty_columns(names);
  for (const NamedSummary& table : tables) {
    for (const bool selected : {true, false}) {
      const Summary& summary = table.summary;
      for (const Cell& cell : selected ? summary.cells : summary.not_selected) {
        Json row{{"table", table.name},
                 {"split", summary.split},
                 {"cell", cell.key},
                 {"selected", selected}};
        for (const Field& field : fields())
          row[field.name] = field.value(cell);
        for (const std::string& name : summary.setting_names) {
          const std::string value = setting_of(cell, name);
          if (!value.empty()) row[name] = value;
        }
        if (Status status = append(row, columns); !status) return status.error();
      }
    }
  }
  return columns;
}

}  // namespace plateau::results
