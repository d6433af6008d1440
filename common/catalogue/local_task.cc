#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/catalogue/checksums.h"
#include "common/catalogue/csv.h"
#include "common/catalogue/local_source.h"
#include "common/spec/problem.h"
#include "common/spec/task_kinds.h"
#include "common/spec/yaml/document.h"

namespace plateau {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

// The training rows as objects, whatever the format, and where each one stands.
struct Rows {
  fs::path file;
  std::vector<Json> rows;
  std::vector<std::size_t> lines;

  std::string at(std::size_t row) const { return file.string() + ":" + std::to_string(lines[row]); }
};

Result<Rows> read_jsonl(const fs::path& file, const std::string& text) {
  Rows rows{file, {}, {}};
  std::istringstream stream(text);
  std::string line;
  for (std::size_t number = 1; std::getline(stream, line); ++number) {
    if (trim(line).empty()) continue;
    Json row = Json::parse(line, nullptr, false);
    if (!row.is_object()) {
      return corrupt(file.string() + ":" + std::to_string(number) +
                     " is no JSON object; every line of a .jsonl is one row");
    }
    rows.rows.push_back(std::move(row));
    rows.lines.push_back(number);
  }
  return rows;
}

Result<Rows> read_separated(const fs::path& file, const std::string& text, char separator) {
  Result<std::vector<CsvRow>> parsed = parse_csv(text, separator);
  if (!parsed) return corrupt(file.string() + ": " + parsed.error().message);
  Rows rows{file, {}, {}};
  if (parsed->empty()) return rows;
  const std::vector<std::string>& names = parsed->front().fields;
  for (std::size_t i = 1; i < parsed->size(); ++i) {
    const CsvRow& row = (*parsed)[i];
    if (row.fields.size() != names.size()) {
      return corrupt(file.string() + ":" + std::to_string(row.line) + " has " +
                     std::to_string(row.fields.size()) + " fields; the first line names " +
                     std::to_string(names.size()));
    }
    Json object = Json::object();
    for (std::size_t column = 0; column < names.size(); ++column)
      object[names[column]] = row.fields[column];
    rows.rows.push_back(std::move(object));
    rows.lines.push_back(row.line);
  }
  return rows;
}

Result<Rows> read_rows(const fs::path& file, const std::string& reader) {
  Result<std::string> text = read_file(file);
  if (!text) return text.error();
  Result<Rows> rows = reader == "jsonl" ? read_jsonl(file, *text)
                                        : read_separated(file, *text, reader == "tsv" ? '\t' : ',');
  if (rows && rows->rows.empty()) return corrupt(file.string() + " has no rows");
  return rows;
}

// What the folder holds: the reader, and the files of the splits.
struct Layout {
  std::string reader;
  fs::path folder;
  std::vector<std::string> files;
  fs::path train;
};

Result<Layout> layout_of(const SourceReference& reference) {
  const fs::path& path = reference.path;
  static const std::vector<std::string> readers = {"jsonl", "csv", "tsv"};
  std::error_code error;
  Layout layout;
  if (fs::is_regular_file(path, error)) {
    layout.reader = reference.options.value(
        "reader", path.extension().string().substr(path.has_extension() ? 1 : 0));
    layout.folder = path.parent_path();
    layout.files = {path.filename().string()};
    layout.train = path;
    if (std::find(readers.begin(), readers.end(), layout.reader) != readers.end()) return layout;
    return invalid_argument("the task " + path.string() +
                            " is no .jsonl, .csv or .tsv; say `reader: csv` if it is one");
  }
  for (const std::string& reader : readers) {
    if (reference.options.value("reader", reader) != reader) continue;
    if (!fs::is_regular_file(path / ("train." + reader), error)) continue;
    layout.reader = reader;
    layout.folder = path;
    layout.train = path / ("train." + reader);
    for (const char* split : {"test", "train", "validation"}) {
      const std::string name = std::string(split) + "." + reader;
      if (fs::is_regular_file(path / name, error)) layout.files.push_back(name);
    }
    return layout;
  }
  return not_found("the task " + path.string() +
                   " has no train.jsonl, train.csv or train.tsv; a task's folder has {train,"
                   "validation,test}.jsonl (or .csv, .tsv), of which train is needed");
}

// The usual columns, in the order in which the trainer looks for them as well; token ids need no
// column of text.
void find_usual_columns(const Json& first, const Json& given, TaskSpec& task) {
  task.columns = {{"label", "label"}};
  if (first.contains("input_ids") || given.contains("text")) return;
  const bool pair = !first.contains("sentence") && first.contains("sentence1");
  const bool plain = !first.contains("sentence") && !pair && first.contains("text");
  task.columns["text"] = pair ? "sentence1" : plain ? "text" : "sentence";
  if (pair) task.columns["text_pair"] = "sentence2";
}

// The same for language modelling: a text, or a prompt and its completion.
void find_language_columns(const Json& first, const Json& given, TaskSpec& task) {
  task.columns.clear();
  const bool pair = first.contains("prompt") && first.contains("completion");
  if (given.contains("prompt") || given.contains("completion") ||
      (pair && !given.contains("text"))) {
    task.columns = {{"prompt", "prompt"}, {"completion", "completion"}};
  } else if (!first.contains("input_ids")) {
    task.columns = {{"text", "text"}};
  }
}

Status find_columns(const SourceReference& reference, const Rows& rows, TaskSpec& task) {
  const Json& first = rows.rows.front();
  std::vector<std::string> there;
  for (const auto& [name, value] : first.items())
    there.push_back(name);
  const Json given = reference.options.value("columns", Json::object());
  const bool is_language = reference.options.value("kind", "") == kCausalLm;
  is_language ? find_language_columns(first, given, task) : find_usual_columns(first, given, task);
  for (const auto& [role, name] : given.items())
    task.columns[role] = name.get<std::string>();
  for (const auto& [role, name] : task.columns) {
    if (first.contains(name)) continue;
    return invalid_argument(rows.at(0) + " has no column '" + name + "' for the " + role + "." +
                            did_you_mean(name, there) + " There are: " + join(there, ", ") +
                            ". Name yours under `columns: {text: ..., label: ...}`" +
                            (role == "label" ? ", or say `kind: causal_lm`" : ""));
  }
  return {};
}

// A label as text and, where it is one, as a number. CSV has texts only.
struct Label {
  std::string text;
  Json number;
};

Label label_of(const Json& row, const std::string& column) {
  const Json& value = row.contains(column) ? row.at(column) : Json();
  if (value.is_number()) return {value.dump(), value};
  const std::string text = value.is_string() ? value.get<std::string>() : "";
  const Json number = plain_scalar(text);
  return {text, number.is_number() ? number : Json()};
}

bool is_fraction(const Json& number) {
  return number.is_number_float() && number.get<double>() != std::floor(number.get<double>());
}

// The classes that the data has: numbers by value, words by the alphabet.
std::vector<std::string> classes_in(const std::vector<Label>& labels) {
  std::vector<Label> distinct;
  std::set<std::string> seen;
  for (const Label& label : labels) {
    if (seen.insert(label.text).second) distinct.push_back(label);
  }
  const bool numbers = std::all_of(distinct.begin(), distinct.end(),
                                   [](const Label& label) { return label.number.is_number(); });
  std::sort(distinct.begin(), distinct.end(), [&](const Label& a, const Label& b) {
    return numbers ? a.number.get<double>() < b.number.get<double>() : a.text < b.text;
  });
  std::vector<std::string> names;
  for (const Label& label : distinct)
    names.push_back(label.text);
  return names;
}

Status check_labels(const Rows& rows, const std::vector<Label>& labels, const TaskSpec& task) {
  const auto classes = static_cast<double>(task.labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool named =
        std::find(task.labels.begin(), task.labels.end(), labels[i].text) != task.labels.end();
    const Json& number = labels[i].number;
    const bool index = number.is_number_integer() && number >= 0 && number.get<double>() < classes;
    if (named || index) continue;
    return invalid_argument(rows.at(i) + " has the label '" + labels[i].text +
                            "', which is none of " + join(task.labels, ", ") +
                            "; name every class under `labels`");
  }
  return {};
}

Status find_labels(const SourceReference& reference, const Rows& rows, TaskSpec& task) {
  if (reference.options.value("kind", "") == kCausalLm) {
    task.kind = kCausalLm;
    if (!reference.options.contains("labels")) return {};
    return invalid_argument("the task " + reference.name +
                            " has labels, but models language; leave one of `labels` and `kind` "
                            "out");
  }
  std::vector<Label> labels;
  for (const Json& row : rows.rows)
    labels.push_back(label_of(row, task.columns.at("label")));
  const bool fractions = std::any_of(labels.begin(), labels.end(),
                                     [](const Label& label) { return is_fraction(label.number); });
  task.kind = reference.options.value("kind", fractions ? "regression" : "classification");
  if (task.kind == "regression") {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      if (labels[i].number.is_number()) continue;
      return invalid_argument(rows.at(i) + " has the label '" + labels[i].text +
                              "'; a regression needs numbers");
    }
    return {};
  }
  if (reference.options.contains("labels")) {
    task.labels = reference.options.at("labels").get<std::vector<std::string>>();
    return check_labels(rows, labels, task);
  }
  task.labels = classes_in(labels);
  constexpr std::size_t kManyClasses = 1000;
  if (task.labels.size() >= 2 && task.labels.size() <= kManyClasses) return {};
  return invalid_argument(rows.file.string() + " has " + std::to_string(task.labels.size()) +
                          " different labels in '" + task.columns.at("label") +
                          "'; a classification has 2 to 1000. Name the right column under "
                          "`columns`, or say `kind: regression`");
}

Status check_metric(const std::string& name, TaskSpec& task) {
  const std::vector<std::string> metrics = metrics_of_kind(task.kind);
  if (task.metric.empty()) task.metric = metrics.front();
  if (std::find(metrics.begin(), metrics.end(), task.metric) != metrics.end()) return {};
  return invalid_argument("the task " + name + " is a " + task.kind + ", which has no " +
                          task.metric + "; it has " + join(metrics, ", "));
}

}  // namespace

Result<std::string> task_sha256(const SourceReference& reference, const fs::path& cache) {
  Result<Layout> layout = layout_of(reference);
  if (!layout) return layout.error();
  return sha256_of_files(layout->folder, layout->files, cache);
}

Result<TaskSource> local_task(const SourceReference& reference, const fs::path& cache) {
  Result<Layout> layout = layout_of(reference);
  if (!layout) return layout.error();
  Result<Rows> rows = read_rows(layout->train, layout->reader);
  if (!rows) return rows.error();
  TaskSource source;
  TaskSpec& task = source.spec;
  task.name = reference.name;
  task.path = reference.path.string();
  task.source = "folder";
  task.reader = layout->reader;
  task.metric = reference.options.value("metric", "");
  if (Status status = find_columns(reference, *rows, task); !status) return status.error();
  if (Status status = find_labels(reference, *rows, task); !status) return status.error();
  if (Status status = check_metric(reference.name, task); !status) return status.error();
  Result<std::string> sha256 = task_sha256(reference, cache);
  if (!sha256) return sha256.error();
  task.sha256 = *sha256;
  source.train_rows = static_cast<std::int64_t>(rows->rows.size());
  return source;
}

}  // namespace plateau
