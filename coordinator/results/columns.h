// Long rows as typed columns: what a file that knows types (Parquet) is written from.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau::results {

enum class ColumnType { kText, kInteger, kReal, kFlag, kNumbers };

struct ColumnName {
  std::string name;
  ColumnType type = ColumnType::kText;
};

// One value a row; where `is_there` is false it stands for nothing.
struct TypedColumn {
  std::string name;
  std::vector<bool> is_there;
  std::variant<std::vector<std::string>, std::vector<std::int64_t>, std::vector<double>,
               std::vector<bool>, std::vector<std::vector<double>>>
      values;  // in the order of ColumnType
};

struct Columns {
  std::vector<TypedColumn> columns;
  std::size_t rows = 0;
};

Columns empty_columns(const std::vector<ColumnName>& names);

// Appends an object's values. A name that it lacks, and null, become a missing value; whole numbers
// fit a column of reals, and anything fits a column of texts (numbers as JSON writes them).
// kInternal names the column that a value does not fit, and leaves `columns` unusable.
Status append(const nlohmann::json& row, Columns& columns);

}  // namespace plateau::results
