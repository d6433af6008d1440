#include "coordinator/results/escape.h"
#include "coordinator/results/table.h"

namespace plateau::results {
namespace {

std::string entry_text(const Entry& entry) {
  std::string text = escape_markdown(entry.text);
  if (entry.mark == Mark::kBest) text = "**" + text + "**";
  if (entry.mark == Mark::kSecond) text = "<u>" + text + "</u>";
  if (!entry.spread.empty()) text += " ± " + escape_markdown(entry.spread);
  if (!entry.range.empty()) text += " " + escape_markdown(entry.range);
  if (entry.like_best) text += " ≈";
  if (!entry.remark.empty()) text += " (" + escape_markdown(entry.remark) + ")";
  return text;
}

}  // namespace

std::string markdown(const Table& table) {
  std::string text = "|";
  for (const Column& column : table.columns)
    text += " " + escape_markdown(column.header) + " |";
  text += "\n|";
  for (const Column& column : table.columns)
    text += column.is_number ? " ---: |" : " --- |";
  text += "\n";
  for (const Row& row : table.rows) {
    text += "|";
    for (const Entry& entry : row.entries)
      text += " " + entry_text(entry) + " |";
    text += "\n";
  }
  text += "\n";
  if (has_marks(table)) text += "- " + mark_note("bold", "underlined") + "\n";
  for (const std::string& note : table.notes)
    text += "- " + escape_markdown(note) + "\n";
  return text;
}

}  // namespace plateau::results
