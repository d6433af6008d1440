#include <functional>

#include "common/base/text.h"
#include "coordinator/results/cells.h"
#include "coordinator/results/escape.h"

namespace plateau::results {
namespace {

std::string text_of(const std::optional<double>& value) {
  return value ? format_number(*value) : "";
}
std::string text_of(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : "";
}
std::string text_of(std::size_t value) {
  return std::to_string(value);
}

struct Field {
  const char* name;
  std::function<std::string(const Cell&)> text;
};

std::string percent_of_base(const Cell& cell) {
  if (!cell.adapter_parameters || cell.base_parameters.value_or(0) == 0) return "";
  return format_number(100.0 * static_cast<double>(*cell.adapter_parameters) /
                       static_cast<double>(*cell.base_parameters));
}

const std::vector<Field>& fields() {
  static const std::vector<Field> all{
      {"base", [](const Cell& c) { return c.base; }},
      {"task", [](const Cell& c) { return c.task; }},
      {"adapter", [](const Cell& c) { return c.method; }},
      {"baseline", [](const Cell& c) { return std::string(c.is_baseline ? "yes" : "no"); }},
      {"rank", [](const Cell& c) { return text_of(c.rank); }},
      {"alpha", [](const Cell& c) { return text_of(c.alpha); }},
      {"scale", [](const Cell& c) { return text_of(c.scale); }},
      {"learning_rate",
       [](const Cell& c) { return c.is_baseline ? "" : format_number(c.learning_rate); }},
      {"head_learning_rate",
       [](const Cell& c) { return c.is_baseline ? "" : format_number(c.head_learning_rate); }},
      {"scaling", [](const Cell& c) { return c.scaling; }},
      {"protocol", [](const Cell& c) { return c.protocol; }},
      {"metric", [](const Cell& c) { return c.metric.name; }},
      {"mean", [](const Cell& c) { return text_of(c.mean); }},
      {"standard_deviation", [](const Cell& c) { return text_of(c.standard_deviation); }},
      {"seeds_planned", [](const Cell& c) { return text_of(c.planned()); }},
      {"seeds_with_value", [](const Cell& c) { return text_of(c.with_value()); }},
      {"diverged", [](const Cell& c) { return text_of(c.count(TrialState::kDiverged)); }},
      {"failed", [](const Cell& c) { return text_of(c.count(TrialState::kFailed)); }},
      {"stopped", [](const Cell& c) { return text_of(c.count(TrialState::kStopped)); }},
      {"running", [](const Cell& c) { return text_of(c.count(TrialState::kRunning)); }},
      {"queued", [](const Cell& c) { return text_of(c.count(TrialState::kQueued)); }},
      {"collapsed", [](const Cell& c) { return text_of(c.collapsed()); }},
      {"adapter_parameters", [](const Cell& c) { return text_of(c.adapter_parameters); }},
      {"percent_of_base", percent_of_base},
      {"base_parameters", [](const Cell& c) { return text_of(c.base_parameters); }},
      {"head_parameters", [](const Cell& c) { return text_of(c.head_parameters); }},
      {"adapter_bytes", [](const Cell& c) { return text_of(c.adapter_bytes); }},
      {"peak_memory_bytes", [](const Cell& c) { return text_of(c.peak_memory_bytes); }},
      {"train_seconds", [](const Cell& c) { return text_of(c.train_seconds); }},
      {"total_seconds", [](const Cell& c) { return format_number(c.total_seconds); }},
  };
  return all;
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
    text += csv_field(field.text(cell)) + ",";
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

}  // namespace plateau::results
