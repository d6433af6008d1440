// A table as text cells with marks, before it is Markdown, LaTeX or lines of a terminal.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table_spec.h"

namespace plateau::results {

enum class Mark { kNone, kBest, kSecond };

// Everything here is plain UTF-8 as it came; the writers escape it.
struct Entry {
  std::string text;         // "88.1", "LoRA", "diverged"
  std::string spread = {};  // printed after "±"; empty: none
  std::string range = {};   // "[84.1, 85.9]", printed after; empty: none
  std::string remark = {};  // printed after, in brackets: "1/2"
  Mark mark = Mark::kNone;
  bool like_best = false;  // tested against the best of its column and not significant: "≈"
};

struct Column {
  std::string header;
  bool is_number = false;   // right-aligned
  bool is_value = false;    // a task's metric; wide tables are cut between these
  bool has_spread = false;  // a metric beside them: the average
};

struct Row {
  std::vector<Entry> entries;  // one a column
  bool starts_group = false;   // a rule above it: another base, baselines against adapters
};

struct Table {
  std::string name = "table";  // file name and LaTeX label
  std::string title;           // caption
  std::vector<Column> columns;
  std::vector<Row> rows;
  std::vector<std::string> notes;  // a sentence or more each
};

// Rows, columns and columns beside them as `spec` says. Best and second best of each base, protocol
// and column are marked among the rows whose seeds are all finished and sound; values that print
// alike share the mark. kInvalidArgument: what pivot.h refuses, a sort key that is not there, or
// mixed protocols where they are refused.
Result<Table> build_table(const Summary& summary, const TableSpec& spec);
// With every default: base (when there are several), adapter, rank, the settings that tell rows
// apart, scaling, learning rate, trainable parameters, one column a task, average, seeds. Aborts
// never: a run's own cells do not collide.
Table build_table(const Summary& summary);

// "Best value of a column <best>, second best <second>; ...": every writer's first note, where a
// table has marks.
std::string mark_note(const std::string& best, const std::string& second);
bool has_marks(const Table& table);

std::string markdown(const Table& table);
// A document that compiles alone, and that \input puts into another: with booktabs and siunitx
// where that loads them, with \hline and plain columns where it does not. Several tables make one
// document; at least one.
std::string latex(const std::vector<Table>& tables);
std::string latex(const Table& table);
// No line over `columns` characters.
std::string terminal(const Table& table, int columns);

}  // namespace plateau::results
