// CSV and TSV text as rows of fields. RFC 4180: fields may be quoted, a quote inside is doubled,
// quoted fields may hold separators and line ends. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace plateau::trainer {

struct TableRow {
  std::int64_t line = 0;  // where the row begins, from 1
  std::vector<std::string> fields;
};

struct Table {
  std::vector<std::string> columns;  // the first row
  std::vector<TableRow> rows;        // each as long as columns
};

// Lines may end in LF or CRLF; blank lines are left out. kCorrupt or kInvalidArgument names `name`,
// the line and both numbers: a quote that is not closed, text behind a closing quote, a row of
// another length, a column twice, no first row.
Result<Table> parse_table(std::string_view text, char separator, const std::string& name);

}  // namespace plateau::trainer
