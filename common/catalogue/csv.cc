#include "common/catalogue/csv.h"

namespace plateau {

Result<std::vector<CsvRow>> parse_csv(std::string_view text, char separator) {
  const bool quotes = separator != '\t';
  std::vector<CsvRow> rows;
  CsvRow row{{""}, 1};
  std::size_t line = 1;
  bool quoted = false, any = false;
  const auto end_row = [&] {
    if (any) rows.push_back(std::move(row));
    row = CsvRow{{""}, line};
    any = false;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c != '"') {
        row.fields.back() += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        row.fields.back() += text[++i];
      } else {
        quoted = false;
      }
    } else if (quotes && c == '"' && row.fields.back().empty()) {
      quoted = any = true;
    } else if (c == separator) {
      row.fields.emplace_back();
      any = true;
    } else if (c == '\n') {
      end_row();
    } else if (c != '\r') {
      row.fields.back() += c;
      any = true;
    }
  }
  if (quoted) {
    return corrupt("line " + std::to_string(row.line) + " has a quotation that does not end");
  }
  end_row();
  return rows;
}

}  // namespace plateau
