#include <algorithm>
#include <utility>

#include "common/base/file.h"
#include "worker/trainer/data/columns.h"
#include "worker/trainer/data/rows.h"
#include "worker/trainer/data/table.h"
#include "worker/trainer/data/text.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;

Error not_utf8(const fs::path& file, std::string_view text, std::size_t offset) {
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
  return corrupt(file.string() + ":" + std::to_string(line) +
                 ": the bytes are not UTF-8. Convert the file, for example with "
                 "iconv -f cp1252 -t utf-8.");
}

Result<std::vector<Row>> read_table_file(const fs::path& file, const TaskSpec& task,
                                         const LabelReader& labels) {
  Result<std::string> bytes = read_file(file);
  if (!bytes) return bytes.error();
  const std::string_view text = without_bom(*bytes);
  if (const auto offset = find_invalid_utf8(text)) return not_utf8(file, text, *offset);
  const char separator = task.reader == "tsv" ? '\t' : ',';
  Result<Table> table = parse_table(text, separator, file.string());
  if (!table) return table.error();
  Result<Columns> columns = resolve_columns(task, table->columns, file);
  if (!columns) return columns.error();
  if (columns->has_token_ids) {
    return invalid_argument(file.string() +
                            " has a column input_ids, but only JSON lines can hold "
                            "token ids. Name a text column, or write .jsonl.");
  }

  const auto index = [&](const std::string& name) {
    return static_cast<std::size_t>(std::find(table->columns.begin(), table->columns.end(), name) -
                                    table->columns.begin());
  };
  const std::size_t text_at = index(columns->text);
  std::vector<Row> rows;
  rows.reserve(table->rows.size());
  for (TableRow& fields : table->rows) {
    const std::string line = std::to_string(fields.line);
    Row row;
    if (columns->label) {
      Result<Label> label =
          labels.read_text(fields.fields[index(*columns->label)], file.string() + ":" + line);
      if (!label) return label.error();
      row.label = *label;
    }
    row.id = columns->id ? fields.fields[index(*columns->id)] : line;
    if (columns->text_pair) row.text_pair = fields.fields[index(*columns->text_pair)];
    row.text = std::move(fields.fields[text_at]);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Result<SourceRows> read_table(const TaskSpec& task, const LabelReader& labels) {
  return read_split_files(task, labels, "." + task.reader, read_table_file);
}

}  // namespace plateau::trainer
