#include "worker/trainer/data/table.h"

#include <algorithm>
#include <utility>

namespace plateau::trainer {
namespace {

class Parser {
 public:
  Parser(std::string_view text, char separator, const std::string& name)
      : text_(text), separator_(separator), name_(name) {}

  bool at_end() const { return at_ >= text_.size(); }

  // One record; at_end() is false.
  Result<TableRow> next() {
    TableRow row;
    row.line = line_;
    while (true) {
      Result<std::string> field = at_quote() ? quoted() : unquoted();
      if (!field) return field.error();
      row.fields.push_back(std::move(*field));
      if (!at_end() && text_[at_] == separator_) {
        ++at_;
        continue;
      }
      end_line();
      return row;
    }
  }

 private:
  bool at_quote() const { return !at_end() && text_[at_] == '"'; }

  bool at_line_end() const {
    if (at_end() || text_[at_] == '\n') return true;
    return text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n');
  }

  void end_line() {
    if (!at_end() && text_[at_] == '\r') ++at_;
    if (!at_end() && text_[at_] == '\n') ++at_;
    ++line_;
  }

  Result<std::string> unquoted() {
    const std::size_t start = at_;
    while (!at_line_end() && text_[at_] != separator_)
      ++at_;
    return std::string(text_.substr(start, at_ - start));
  }

  Result<std::string> quoted() {
    const std::int64_t opened = line_;
    std::string field;
    for (++at_; !at_end(); ++at_) {
      if (text_[at_] == '\n') ++line_;
      if (text_[at_] != '"') {
        field += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        field += text_[++at_];
      } else {
        ++at_;
        if (at_line_end() || text_[at_] == separator_) return field;
        return corrupt(where(line_) +
                       "there is text behind a closing quote. A quote inside a "
                       "quoted field must be doubled (RFC 4180).");
      }
    }
    return corrupt(where(opened) +
                   "a quoted field begins that never ends. Close it; a field that "
                   "begins with a quote must be quoted, with its quotes doubled "
                   "(RFC 4180).");
  }

  std::string where(std::int64_t line) const { return name_ + ":" + std::to_string(line) + ": "; }

  std::string_view text_;
  char separator_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

bool is_blank(const TableRow& row) {
  return row.fields.size() == 1 && row.fields.front().empty();
}

}  // namespace

Result<Table> parse_table(std::string_view text, char separator, const std::string& name) {
  Parser parser(text, separator, name);
  Table table;
  while (!parser.at_end()) {
    Result<TableRow> row = parser.next();
    if (!row) return row.error();
    if (is_blank(*row)) continue;
    if (table.columns.empty()) {
      table.columns = std::move(row->fields);
      continue;
    }
    if (row->fields.size() != table.columns.size()) {
      return corrupt(name + ":" + std::to_string(row->line) + ": the row has " +
                     std::to_string(row->fields.size()) + " fields, but the first row names " +
                     std::to_string(table.columns.size()) +
                     " columns. Correct the row, or quote fields that hold the separator.");
    }
    table.rows.push_back(std::move(*row));
  }
  if (table.columns.empty()) {
    return invalid_argument(name + " is empty. Its first row must name the columns.");
  }
  std::vector<std::string> sorted = table.columns;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    return invalid_argument(name + " names the column \"" + *twice + "\" twice. Rename one.");
  }
  return table;
}

}  // namespace plateau::trainer
