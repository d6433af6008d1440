#include "coordinator/results/export.h"

#include <functional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/text.h"
#include "coordinator/results/escape.h"
#include "coordinator/results/parquet/parquet.h"
#include "coordinator/results/predictions.h"
#include "coordinator/results/summary.h"

namespace plateau::results {
namespace {

using Json = nlohmann::json;

const std::vector<ColumnName>& columns_of(ExportWhat what) {
  using enum ColumnType;
  static const std::vector<ColumnName> trials{{"run", kText},
                                              {"trial", kInteger},
                                              {"key", kText},
                                              {"cell", kText},
                                              {"base", kText},
                                              {"task", kText},
                                              {"adapter", kText},
                                              {"baseline", kFlag},
                                              {"rank", kInteger},
                                              {"alpha", kReal},
                                              {"rslora", kFlag},
                                              {"learning_rate", kReal},
                                              {"seed", kInteger},
                                              {"state", kText},
                                              {"attempts", kInteger},
                                              {"checkpoint", kText},
                                              {"precision", kText},
                                              {"adapter_parameters", kInteger},
                                              {"head_parameters", kInteger},
                                              {"base_parameters", kInteger},
                                              {"train_seconds", kReal},
                                              {"train_tokens", kInteger},
                                              {"peak_memory_bytes", kInteger},
                                              {"adapter_bytes", kInteger},
                                              {"base_bytes", kInteger},
                                              {"device", kText},
                                              {"split", kText},
                                              {"metric", kText},
                                              {"step", kInteger},
                                              {"value", kReal},
                                              {"reason", kText}};
  static const std::vector<ColumnName> metrics{
      {"trial", kInteger}, {"key", kText},     {"task", kText},  {"adapter", kText},
      {"rank", kInteger},  {"seed", kInteger}, {"split", kText}, {"metric", kText},
      {"step", kInteger},  {"value", kReal}};
  static const std::vector<ColumnName> predictions{
      {"trial", kInteger},   {"key", kText},      {"task", kText}, {"adapter", kText},
      {"rank", kInteger},    {"seed", kInteger},  {"id", kText},   {"label", kText},
      {"prediction", kText}, {"scores", kNumbers}};
  return what == ExportWhat::kTrials    ? trials
         : what == ExportWhat::kMetrics ? metrics
                                        : predictions;
}

Json trial_fields(const RunView& run, const TrialRow& row) {
  const SharedTrial& trial = row.trial;
  Json json{{"run", run.name},
            {"trial", row.id.value},
            {"key", row.key},
            {"cell", row.cell},
            {"base", trial.base->name},
            {"task", trial.task->name},
            {"adapter", trial.adapter->method},
            {"baseline", row.is_baseline},
            {"seed", trial.seed},
            {"state", state_word(row.state)},
            {"attempts", row.attempts},
            {"checkpoint", trial.protocol->checkpoint},
            {"precision", trial.protocol->precision}};
  for (const char* name : {"rank", "alpha", "rslora"}) {
    const auto found = trial.adapter->parameters.find(name);
    if (found != trial.adapter->parameters.end()) json[name] = *found;
  }
  if (!row.is_baseline) json["learning_rate"] = trial.optimizer->learning_rate;
  if (row.state == TrialState::kFinished) {
    json["adapter_parameters"] = row.adapter_parameters;
    json["head_parameters"] = row.head_parameters;
    json["base_parameters"] = row.base_parameters;
    json["train_seconds"] = row.train_seconds;
    json["train_tokens"] = row.train_tokens;
    json["peak_memory_bytes"] = row.peak_memory_bytes;
    json["adapter_bytes"] = row.adapter_bytes;
    json["base_bytes"] = row.base_bytes;
    json["device"] = row.device_name;
  }
  return json;
}

// Identity of a trial where all its settings would be too much on every row.
Json short_fields(const TrialRow& row) {
  Json json{{"trial", row.id.value},
            {"key", row.key},
            {"task", row.trial.task->name},
            {"adapter", row.trial.adapter->method},
            {"seed", row.trial.seed}};
  const auto rank = row.trial.adapter->parameters.find("rank");
  if (rank != row.trial.adapter->parameters.end()) json["rank"] = *rank;
  return json;
}

std::string csv_text(const Json& value) {
  if (value.is_string()) return csv_field(value.get<std::string>());
  if (value.is_number_float()) return format_number(value.get<double>());
  return csv_field(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

// Takes one row after another.
using Sink = std::function<Status(const Json&)>;

std::string csv_line(const Json& row, const std::vector<ColumnName>& columns) {
  std::string text;
  for (const ColumnName& column : columns) {
    const auto found = row.find(column.name);
    text += (&column == &columns.front() ? "" : ",") +
            (found == row.end() ? std::string() : csv_text(*found));
  }
  return text + "\r\n";
}

std::string csv_header(const std::vector<ColumnName>& columns) {
  std::vector<std::string> names;
  for (const ColumnName& column : columns)
    names.push_back(column.name);
  return join(names, ",") + "\r\n";
}

void put_metric(Json& row, const MetricValue& metric) {
  row["split"] = metric.split;
  row["metric"] = metric.name;
  row["step"] = metric.step;
  row["value"] = metric.value;
}

Status put_trials(const RunView& run, const Sink& sink) {
  for (const TrialRow& trial : run.trials) {
    Json row = trial_fields(run, trial);
    if (!trial.reason.empty()) row["reason"] = trial.reason;
    if (trial.metrics.empty()) {
      if (Status status = sink(row); !status) return status;
    }
    for (const MetricValue& metric : trial.metrics) {
      put_metric(row, metric);
      if (Status status = sink(row); !status) return status;
    }
  }
  return {};
}

Status put_metrics(const RunView& run, const Sink& sink) {
  for (const TrialRow& trial : run.trials) {
    for (const MetricValue& metric : trial.curve) {
      Json row = short_fields(trial);
      put_metric(row, metric);
      if (Status status = sink(row); !status) return status;
    }
  }
  return {};
}

Status put_predictions(const RunView& run, const std::filesystem::path& run_folder,
                       const Sink& sink) {
  return each_prediction(run, run_folder,
                         [&](const TrialRow& trial, const Json& item) -> Result<bool> {
                           Json row = short_fields(trial);
                           for (const char* name : {"id", "label", "prediction", "scores"}) {
                             if (item.contains(name)) row[name] = item[name];
                           }
                           if (Status status = sink(row); !status) return status.error();
                           return true;
                         });
}

Status put(const RunView& run, const std::filesystem::path& run_folder, ExportWhat what,
           const Sink& sink) {
  switch (what) {
    case ExportWhat::kTrials:
      return put_trials(run, sink);
    case ExportWhat::kMetrics:
      return put_metrics(run, sink);
    case ExportWhat::kPredictions:
      return put_predictions(run, run_folder, sink);
  }
  return internal_error("an export without a writer");
}

}  // namespace

Result<Columns> export_columns(const RunView& run, const std::filesystem::path& run_folder,
                               ExportWhat what) {
  Columns columns = empty_columns(columns_of(what));
  const Status status =
      put(run, run_folder, what, [&](const Json& row) { return append(row, columns); });
  if (!status) return status.error();
  return columns;
}

Result<std::string> export_text(const RunView& run, const std::filesystem::path& run_folder,
                                ExportWhat what, ExportFormat format) {
  if (format == ExportFormat::kParquet) {
    const auto columns = export_columns(run, run_folder, what);
    if (!columns) return columns.error();
    return to_parquet(*columns);
  }
  const bool csv = format == ExportFormat::kCsv;
  std::string text = csv ? csv_header(columns_of(what)) : "";
  const Status status = put(run, run_folder, what, [&](const Json& row) {
    text += csv ? csv_line(row, columns_of(what))
                : row.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    return Status();
  });
  if (!status) return status.error();
  return text;
}

}  // namespace plateau::results
