#include <algorithm>

#include "coordinator/results/escape.h"
#include "coordinator/results/table.h"

namespace plateau::results {
namespace {

constexpr char kGap[] = "  ";
constexpr std::size_t kGapWidth = 2;

std::string entry_text(const Entry& entry) {
  std::string text = one_line(entry.text);
  if (!entry.spread.empty()) text += " ± " + one_line(entry.spread);
  if (!entry.range.empty()) text += " " + one_line(entry.range);
  if (entry.like_best) text += " ≈";
  if (!entry.remark.empty()) text += " (" + one_line(entry.remark) + ")";
  // A letter after the number: a terminal's bold would not survive a pipe or a copy.
  if (entry.mark == Mark::kBest) text += " *";
  if (entry.mark == Mark::kSecond) text += " +";
  const bool bare = entry.mark == Mark::kNone && !entry.like_best && entry.remark.empty();
  if (bare && !entry.spread.empty()) text += "  ";
  return text;
}

std::string cut(const std::string& text, std::size_t width) {
  if (display_width(text) <= width) return text;
  std::string shorter;
  std::size_t used = 0;
  for (std::uint32_t code : code_points(text)) {
    std::string one;
    append_utf8(one, code);
    if (used + display_width(one) + 1 > width) break;
    shorter += one;
    used += display_width(one);
  }
  return shorter + "…";
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::string space(width - std::min(width, display_width(text)), ' ');
  return right ? space + text : text + space;
}

std::string without_trailing_spaces(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

// Headers break at spaces so that a narrow column of numbers does not get a wide head.
std::vector<std::string> header_lines(const std::string& header, std::size_t width) {
  std::vector<std::string> lines{""};
  std::string word;
  const auto flush = [&] {
    if (word.empty()) return;
    std::string& line = lines.back();
    const bool fits = line.empty() || display_width(line) + 1 + display_width(word) <= width;
    if (fits) {
      line += (line.empty() ? "" : " ") + word;
    } else {
      lines.push_back(word);
    }
    word.clear();
  };
  for (char c : one_line(header)) {
    if (c == ' ') {
      flush();
    } else {
      word += c;
    }
  }
  flush();
  return lines;
}

class Block {
 public:
  Block(const Table& table, std::vector<std::size_t> columns)
      : table_(table), columns_(std::move(columns)) {
    for (std::size_t column : columns_) {
      std::size_t width = 0;
      for (const Row& row : table_.rows)
        width = std::max(width, display_width(entry_text(row.entries[column])));
      for (const std::string& word : header_lines(table_.columns[column].header, 0))
        width = std::max(width, display_width(word));
      widths_.push_back(width);
    }
  }

  std::size_t width() const {
    std::size_t sum = widths_.empty() ? 0 : kGapWidth * (widths_.size() - 1);
    for (std::size_t width : widths_)
      sum += width;
    return sum;
  }

  // Takes a character off the widest column until all fits: values last, since a number that is cut
  // is another number. No column goes under four.
  void shrink_to(std::size_t most) {
    shrink(most, /*values=*/false);
    shrink(most, /*values=*/true);
  }

  std::string text() const {
    std::string text = header();
    const std::string rule = without_trailing_spaces(std::string(width(), '-'));
    text += rule;
    for (const Row& row : table_.rows) {
      if (row.starts_group) text += rule;
      std::string line;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const std::string entry = cut(entry_text(row.entries[columns_[i]]), widths_[i]);
        line += (i == 0 ? "" : kGap) + padded(entry, widths_[i], right(i));
      }
      text += without_trailing_spaces(line);
    }
    return text;
  }

 private:
  void shrink(std::size_t most, bool values) {
    constexpr std::size_t kNarrowest = 4;
    while (width() > most) {
      std::size_t* widest = nullptr;
      for (std::size_t i = 0; i < widths_.size(); ++i) {
        const Column& column = table_.columns[columns_[i]];
        const bool takes_part = values || !(column.is_value || column.has_spread);
        if (takes_part && (widest == nullptr || widths_[i] > *widest)) widest = &widths_[i];
      }
      if (widest == nullptr || *widest <= kNarrowest) return;
      --*widest;
    }
  }

  bool right(std::size_t i) const { return table_.columns[columns_[i]].is_number; }

  std::string header() const {
    std::vector<std::vector<std::string>> heads;
    std::size_t height = 0;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      heads.push_back(header_lines(table_.columns[columns_[i]].header, widths_[i]));
      height = std::max(height, heads.back().size());
    }
    std::string text;
    for (std::size_t k = 0; k < height; ++k) {
      std::string line;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const std::size_t above = height - heads[i].size();  // heads stand on the rule
        const std::string part = k < above ? "" : cut(heads[i][k - above], widths_[i]);
        line += (i == 0 ? "" : kGap) + padded(part, widths_[i], right(i));
      }
      text += without_trailing_spaces(line);
    }
    return text;
  }

  const Table& table_;
  std::vector<std::size_t> columns_;
  std::vector<std::size_t> widths_;
};

// All columns at once when they fit; else the leading columns again with as many tasks as fit.
std::vector<std::vector<std::size_t>> blocks(const Table& table, std::size_t most) {
  std::vector<std::size_t> leading;
  std::vector<std::size_t> values;
  std::vector<std::size_t> trailing;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    auto& group = table.columns[i].is_value ? values : values.empty() ? leading : trailing;
    group.push_back(i);
  }
  const auto with = [&](const std::vector<std::size_t>& tasks) {
    std::vector<std::size_t> columns = leading;
    columns.insert(columns.end(), tasks.begin(), tasks.end());
    columns.insert(columns.end(), trailing.begin(), trailing.end());
    return columns;
  };
  std::vector<std::vector<std::size_t>> all;
  std::vector<std::size_t> tasks;
  for (std::size_t value : values) {
    tasks.push_back(value);
    if (tasks.size() > 1 && Block(table, with(tasks)).width() > most) {
      tasks.pop_back();
      all.push_back(with(tasks));
      tasks = {value};
    }
  }
  all.push_back(with(tasks));
  return all;
}

// Words of a note in lines of at most `most` columns; a word that is longer is cut into pieces.
std::string wrapped(const std::string& note, std::size_t most) {
  std::string text;
  std::string line = "-";
  std::string word;
  const auto flush = [&] {
    while (!word.empty()) {
      if (display_width(line) + 1 + display_width(word) <= most) {
        line += " " + word;
        word.clear();
      } else if (line != " " && line != "-") {
        text += line + "\n";
        line = " ";
      } else {
        std::string piece;
        for (std::uint32_t code : code_points(word)) {
          std::string one;
          append_utf8(one, code);
          if (display_width(line + " " + piece + one) > most) break;
          piece += one;
        }
        line += " " + piece;
        word.erase(0, piece.size());
      }
    }
  };
  for (char c : one_line(note) + " ") {
    if (c == ' ') {
      flush();
    } else {
      word += c;
    }
  }
  return text + line + "\n";
}

}  // namespace

std::string terminal(const Table& table, int columns) {
  const auto most = static_cast<std::size_t>(std::max(columns, 60));
  std::string text;
  for (const auto& chosen : blocks(table, most)) {
    Block block(table, chosen);
    block.shrink_to(most);
    text += block.text() + "\n";
  }
  if (has_marks(table)) text += wrapped(mark_note("*", "+"), most);
  for (const std::string& note : table.notes)
    text += wrapped(note, most);
  return text;
}

}  // namespace plateau::results
