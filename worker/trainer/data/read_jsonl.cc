#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/text.h"
#include "worker/trainer/data/columns.h"
#include "worker/trainer/data/rows.h"
#include "worker/trainer/data/text.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

Result<json> parse_line(std::string_view line, const std::string& where) {
  if (find_invalid_utf8(line)) {
    return corrupt(where +
                   ": the bytes are not UTF-8. Convert the file, for example with "
                   "iconv -f cp1252 -t utf-8.");
  }
  try {
    json row = json::parse(line.begin(), line.end());
    if (row.is_object()) return row;
    return corrupt(where + ": the line is JSON but no object. Write one object a line.");
  } catch (const json::exception& error) {
    return corrupt(where + ": the line is not JSON (" + error.what() +
                   "). Write one JSON object a line.");
  }
}

// A field that resolve_columns found in the first row may be missing or of another type here.
Result<const json*> field(const json& row, const std::string& column, const std::string& where) {
  const auto found = row.find(column);
  if (found != row.end()) return &*found;
  return invalid_argument(where + ": the row has no \"" + column +
                          "\", which the first row has. Correct the row.");
}

Result<std::string> text_field(const json& row, const std::string& column,
                               const std::string& where) {
  Result<const json*> value = field(row, column, where);
  if (!value) return value.error();
  if ((*value)->is_string()) return (*value)->get<std::string>();
  return invalid_argument(where + ": \"" + column + "\" is no string. Correct the row.");
}

Result<std::vector<std::int32_t>> id_list(const json& row, const std::string& column,
                                          const std::string& where) {
  Result<const json*> value = field(row, column, where);
  if (!value) return value.error();
  const Error wrong = invalid_argument(where + ": \"" + column +
                                       "\" is no list of token ids (whole numbers from 0). Correct "
                                       "the row.");
  if (!(*value)->is_array() || (*value)->empty()) return wrong;
  std::vector<std::int32_t> ids;
  for (const json& id : **value) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX) return wrong;
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

// The tokens to be predicted, in Hugging Face's form: the token itself or -100.
Status read_token_labels(const json& json_row, const std::string& where, Row& row) {
  const auto found = json_row.find("labels");
  if (found == json_row.end()) return {};
  bool fits = found->is_array() && found->size() == row.token_ids.size();
  for (std::size_t i = 0; fits && i < row.token_ids.size(); ++i) {
    fits = (*found)[i] == -100 || (*found)[i] == row.token_ids[i];
    if (fits) row.token_labels.push_back((*found)[i].get<std::int64_t>());
  }
  if (fits) return {};
  return invalid_argument(where +
                          ": \"labels\" is no list as long as input_ids that repeats each token or "
                          "says -100, for a token that is not to be predicted. Correct the row.");
}

Status read_tokens(const json& json_row, const std::string& where, Row& row) {
  Result<std::vector<std::int32_t>> ids = id_list(json_row, "input_ids", where);
  if (!ids) return ids.error();
  row.token_ids = std::move(*ids);
  row.token_type_ids.assign(row.token_ids.size(), 0);
  if (!json_row.contains("token_type_ids")) return {};
  Result<std::vector<std::int32_t>> types = id_list(json_row, "token_type_ids", where);
  if (!types) return types.error();
  if (types->size() != row.token_ids.size()) {
    return invalid_argument(where + ": input_ids has " + std::to_string(row.token_ids.size()) +
                            " entries but token_type_ids " + std::to_string(types->size()) +
                            ". Correct the row.");
  }
  row.token_type_ids = std::move(*types);
  return {};
}

Result<Row> read_row(const json& json_row, const Columns& columns, const LabelReader& labels,
                     const std::string& where) {
  Row row;
  if (columns.has_token_ids) {
    if (Status tokens = read_tokens(json_row, where, row); !tokens) return tokens.error();
    if (!columns.label) {
      if (Status status = read_token_labels(json_row, where, row); !status) return status.error();
    }
  } else {
    Result<std::string> text = text_field(json_row, columns.text, where);
    if (!text) return text.error();
    row.text = std::move(*text);
    if (columns.text_pair) {
      Result<std::string> pair = text_field(json_row, *columns.text_pair, where);
      if (!pair) return pair.error();
      row.text_pair = std::move(*pair);
    }
  }
  if (columns.label) {
    Result<const json*> value = field(json_row, *columns.label, where);
    if (!value) return value.error();
    Result<Label> label = labels.read_json(**value, where);
    if (!label) return label.error();
    row.label = *label;
  }
  if (columns.id) {
    Result<const json*> id = field(json_row, *columns.id, where);
    if (!id) return id.error();
    row.id = (*id)->is_string() ? (*id)->get<std::string>() : (*id)->dump();
  }
  return row;
}

std::vector<std::string> keys_of(const json& row) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : row.items())
    keys.push_back(key);
  return keys;
}

Result<std::vector<Row>> read_jsonl_file(const fs::path& file, const TaskSpec& task,
                                         const LabelReader& labels) {
  Result<std::string> bytes = read_file(file);
  if (!bytes) return bytes.error();
  std::string_view rest = without_bom(*bytes);
  std::optional<Columns> columns;
  std::vector<Row> rows;
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (trim(line).empty()) continue;
    const std::string where = file.string() + ":" + std::to_string(number);
    Result<json> json_row = parse_line(line, where);
    if (!json_row) return json_row.error();
    if (!columns) {
      Result<Columns> resolved = resolve_columns(task, keys_of(*json_row), file);
      if (!resolved) return resolved.error();
      columns = std::move(*resolved);
    }
    Result<Row> row = read_row(*json_row, *columns, labels, where);
    if (!row) return row.error();
    if (!columns->id) row->id = std::to_string(number);
    rows.push_back(std::move(*row));
  }
  return rows;
}

}  // namespace

Result<SourceRows> read_jsonl(const TaskSpec& task, const LabelReader& labels) {
  return read_split_files(task, labels, ".jsonl", read_jsonl_file);
}

}  // namespace plateau::trainer
