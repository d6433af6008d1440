#include "coordinator/results/export.h"

#include <functional>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/text.h"
#include "coordinator/results/escape.h"
#include "coordinator/results/summary.h"

namespace plateau::results {
namespace {

using Json = nlohmann::json;

const std::vector<std::string>& trial_columns() {
  static const std::vector<std::string> columns{
      "run",
      "trial",
      "key",
      "cell",
      "base",
      "task",
      "adapter",
      "baseline",
      "rank",
      "alpha",
      "rslora",
      "learning_rate",
      "seed",
      "state",
      "attempts",
      "checkpoint",
      "precision",
      "adapter_parameters",
      "head_parameters",
      "base_parameters",
      "train_seconds",
      "train_tokens",
      "peak_memory_bytes",
      "adapter_bytes",
      "device",
  };
  return columns;
}

Json trial_fields(const RunView& run, const TrialRow& row) {
  const Trial& trial = row.trial;
  Json json{{"run", run.name},
            {"trial", row.id.value},
            {"key", row.key},
            {"cell", row.cell},
            {"base", trial.base.name},
            {"task", trial.task.name},
            {"adapter", trial.adapter.method},
            {"baseline", row.is_baseline},
            {"seed", trial.seed},
            {"state", state_word(row.state)},
            {"attempts", row.attempts},
            {"checkpoint", trial.protocol.checkpoint},
            {"precision", trial.protocol.precision}};
  for (const char* name : {"rank", "alpha", "rslora"}) {
    const auto found = trial.adapter.parameters.find(name);
    if (found != trial.adapter.parameters.end()) json[name] = *found;
  }
  if (!row.is_baseline) json["learning_rate"] = trial.optimizer.learning_rate;
  if (row.state == TrialState::kFinished) {
    json["adapter_parameters"] = row.adapter_parameters;
    json["head_parameters"] = row.head_parameters;
    json["base_parameters"] = row.base_parameters;
    json["train_seconds"] = row.train_seconds;
    json["train_tokens"] = row.train_tokens;
    json["peak_memory_bytes"] = row.peak_memory_bytes;
    json["adapter_bytes"] = row.adapter_bytes;
    json["device"] = row.device_name;
  }
  return json;
}

// Identity of a trial where all its settings would be too much on every row.
Json short_fields(const TrialRow& row) {
  Json json{{"trial", row.id.value},
            {"key", row.key},
            {"task", row.trial.task.name},
            {"adapter", row.trial.adapter.method},
            {"seed", row.trial.seed}};
  const auto rank = row.trial.adapter.parameters.find("rank");
  if (rank != row.trial.adapter.parameters.end()) json["rank"] = *rank;
  return json;
}

std::string csv_text(const Json& value) {
  if (value.is_string()) return csv_field(value.get<std::string>());
  if (value.is_number_float()) return format_number(value.get<double>());
  return csv_field(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

class Rows {
 public:
  Rows(ExportFormat format, std::vector<std::string> columns)
      : format_(format), columns_(std::move(columns)) {
    if (format_ == ExportFormat::kCsv) text_ = join(columns_, ",") + "\r\n";
  }

  void add(const Json& row) {
    if (format_ == ExportFormat::kJsonl) {
      text_ += row.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
      return;
    }
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const auto found = row.find(columns_[i]);
      text_ += (i == 0 ? "" : ",") + (found == row.end() ? std::string() : csv_text(*found));
    }
    text_ += "\r\n";
  }

  std::string text() && { return std::move(text_); }

 private:
  ExportFormat format_;
  std::vector<std::string> columns_;
  std::string text_;
};

void put_metric(Json& row, const MetricValue& metric) {
  row["split"] = metric.split;
  row["metric"] = metric.name;
  row["step"] = metric.step;
  row["value"] = metric.value;
}

std::string trials_text(const RunView& run, ExportFormat format) {
  std::vector<std::string> columns = trial_columns();
  for (const char* name : {"split", "metric", "step", "value", "reason"})
    columns.emplace_back(name);
  Rows rows(format, columns);
  for (const TrialRow& trial : run.trials) {
    Json row = trial_fields(run, trial);
    if (!trial.reason.empty()) row["reason"] = trial.reason;
    if (trial.metrics.empty()) rows.add(row);
    for (const MetricValue& metric : trial.metrics) {
      put_metric(row, metric);
      rows.add(row);
    }
  }
  return std::move(rows).text();
}

std::string metrics_text(const RunView& run, ExportFormat format) {
  Rows rows(format, {"trial", "key", "task", "adapter", "rank", "seed", "split", "metric", "step",
                     "value"});
  for (const TrialRow& trial : run.trials) {
    for (const MetricValue& metric : trial.curve) {
      Json row = short_fields(trial);
      put_metric(row, metric);
      rows.add(row);
    }
  }
  return std::move(rows).text();
}

Result<std::string> predictions_text(const RunView& run, const std::filesystem::path& run_folder,
                                     ExportFormat format) {
  Rows rows(format, {"trial", "key", "task", "adapter", "rank", "seed", "id", "label", "prediction",
                     "scores"});
  for (const TrialRow& trial : run.trials) {
    if (trial.state != TrialState::kFinished) continue;
    const std::filesystem::path path = run_folder / trial.folder / "predictions.jsonl";
    const auto text = read_file(path);
    if (!text && text.error().kind == ErrorKind::kNotFound) continue;
    if (!text) return text.error();
    std::size_t number = 0;
    for (const std::string& line : split(*text, '\n')) {
      ++number;
      if (line.empty()) continue;
      const Json item = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!item.is_object()) {
        return corrupt(path.string() + ":" + std::to_string(number) +
                       " is no JSON object. The trial's predictions were damaged after they were "
                       "verified; restore the run folder from a copy.");
      }
      Json row = short_fields(trial);
      for (const char* name : {"id", "label", "prediction", "scores"}) {
        if (item.contains(name)) row[name] = item[name];
      }
      rows.add(row);
    }
  }
  return std::move(rows).text();
}

}  // namespace

Result<std::string> export_text(const RunView& run, const std::filesystem::path& run_folder,
                                ExportWhat what, ExportFormat format) {
  switch (what) {
    case ExportWhat::kTrials:
      return trials_text(run, format);
    case ExportWhat::kMetrics:
      return metrics_text(run, format);
    case ExportWhat::kPredictions:
      return predictions_text(run, run_folder, format);
  }
  return internal_error("an export without a writer");
}

}  // namespace plateau::results
