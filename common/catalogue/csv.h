// Comma- and tab-separated text, as RFC 4180 has it: quotes, doubled quotes, line breaks in quotes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace plateau {

struct CsvRow {
  std::vector<std::string> fields;
  std::size_t line = 0;  // where it starts, from 1
};

// Tab-separated text has no quotes. kCorrupt names the line of a quotation that does not end.
Result<std::vector<CsvRow>> parse_csv(std::string_view text, char separator);

}  // namespace plateau
