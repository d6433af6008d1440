// A table as text cells with marks, before it is Markdown, LaTeX or lines of a terminal.
#pragma once

#include <string>
#include <vector>

#include "coordinator/results/summary.h"

namespace plateau::results {

enum class Mark { kNone, kBest, kSecond };

// Everything here is plain UTF-8 as it came; the writers escape it.
struct Entry {
  std::string text;    // "88.1", "LoRA", "diverged"
  std::string spread;  // printed after "±"; empty: none
  std::string remark;  // printed after, in brackets: "1/2"
  Mark mark = Mark::kNone;
};

struct Column {
  std::string header;
  bool is_number = false;  // right-aligned
  bool is_value = false;   // a task's metric; wide tables are cut between these
};

struct Row {
  std::vector<Entry> entries;  // one a column
  bool starts_group = false;   // a rule above it: another base, baselines against adapters
};

struct Table {
  std::string title;
  std::vector<Column> columns;
  std::vector<Row> rows;
  std::vector<std::string> notes;  // a sentence or more each
};

// Base (when there are several), adapter, rank, the settings that tell rows apart, learning rate,
// trainable parameters, one column a task, seeds. Best and second best of each base and column are
// marked among the rows whose seeds are all finished; values that print alike share the mark.
Table build_table(const Summary& summary);

// "Best value of a column <best>, second best <second>; ...": every writer's first note, where a
// table has marks.
std::string mark_note(const std::string& best, const std::string& second);
bool has_marks(const Table& table);

std::string markdown(const Table& table);
// A document that compiles alone, and that \input puts into another (booktabs wanted, \hline
// without it).
std::string latex(const Table& table);
// No line over `columns` characters.
std::string terminal(const Table& table, int columns);

}  // namespace plateau::results
