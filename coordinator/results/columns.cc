#include "coordinator/results/columns.h"

#include <type_traits>

namespace plateau::results {
namespace {

using Json = nlohmann::json;

TypedColumn empty_column(const ColumnName& name) {
  TypedColumn column{name.name, {}, {}};
  switch (name.type) {
    case ColumnType::kText:
      column.values = std::vector<std::string>();
      break;
    case ColumnType::kInteger:
      column.values = std::vector<std::int64_t>();
      break;
    case ColumnType::kReal:
      column.values = std::vector<double>();
      break;
    case ColumnType::kFlag:
      column.values = std::vector<bool>();
      break;
    case ColumnType::kNumbers:
      column.values = std::vector<std::vector<double>>();
      break;
  }
  return column;
}

bool all_numbers(const Json& value) {
  if (!value.is_array()) return false;
  for (const Json& one : value) {
    if (!one.is_number()) return false;
  }
  return true;
}

bool fits(const Json& value, const std::string&) {
  return !value.is_null();
}
bool fits(const Json& value, std::int64_t) {
  return value.is_number_integer();
}
bool fits(const Json& value, double) {
  return value.is_number();
}
bool fits(const Json& value, bool) {
  return value.is_boolean();
}
bool fits(const Json& value, const std::vector<double>&) {
  return all_numbers(value);
}

template <typename Value>
Value value_of(const Json& value) {
  if constexpr (std::is_same_v<Value, std::string>) {
    // Through the writer, which makes UTF-8 of whatever a file may have had for a name.
    const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    return value.is_string() ? Json::parse(text).get<std::string>() : text;
  } else {
    return value.get<Value>();
  }
}

}  // namespace

Columns empty_columns(const std::vector<ColumnName>& names) {
  Columns columns;
  for (const ColumnName& name : names)
    columns.columns.push_back(empty_column(name));
  return columns;
}

Status append(const Json& row, Columns& columns) {
  for (TypedColumn& column : columns.columns) {
    const auto found = row.find(column.name);
    const bool is_there = found != row.end() && !found->is_null();
    const bool done = std::visit(
        [&](auto& values) {
          using Value = typename std::decay_t<decltype(values)>::value_type;
          if (is_there && !fits(*found, Value())) return false;
          values.push_back(is_there ? value_of<Value>(*found) : Value());
          return true;
        },
        column.values);
    if (!done) {
      return internal_error("the column '" + column.name + "' cannot hold " +
                            found->dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    column.is_there.push_back(is_there);
  }
  ++columns.rows;
  return {};
}

}  // namespace plateau::results
