#include "coordinator/results/escape.h"
#include "coordinator/results/table.h"

namespace plateau::results {
namespace {

// Before \documentclass has run this file is a document of its own; after, \documentclass means an
// error macro of the kernel, and only the table is set.
constexpr char kStandalone[] = R"(\expandafter\ifx\csname documentclass\expandafter\endcsname
  \csname @twoclasseserror\endcsname\else
  \documentclass{article}
  \usepackage[T1]{fontenc}
  \usepackage[utf8]{inputenc}
  \usepackage{booktabs}
  \usepackage[margin=2cm]{geometry}
  \pagestyle{empty}
  \begin{document}
  \expandafter\def\csname plateau@end\endcsname{\end{document}}
\fi
)";

// Without booktabs the rules become \hline.
constexpr char kFallbacks[] = R"(\providecommand{\toprule}{\hline}
\providecommand{\midrule}{\hline}
\providecommand{\bottomrule}{\hline}
)";

std::string entry_text(const Entry& entry) {
  std::string text = escape_latex(entry.text);
  if (entry.mark == Mark::kBest) text = "\\textbf{" + text + "}";
  if (entry.mark == Mark::kSecond) text = "\\underline{" + text + "}";
  if (!entry.spread.empty()) text += " $\\pm$ " + escape_latex(entry.spread);
  if (!entry.remark.empty()) text += " (" + escape_latex(entry.remark) + ")";
  return text;
}

// A label that any LaTeX takes: letters, digits and hyphens.
std::string label_of(const std::string& title) {
  std::string label;
  for (char c : title) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    label += plain ? c : '-';
  }
  return label;
}

template <typename Items, typename ToText>
std::string joined(const Items& items, ToText&& to_text) {
  std::string line;
  for (const auto& item : items)
    line += (line.empty() ? "" : " & ") + to_text(item);
  return line;
}

}  // namespace

std::string latex(const Table& table) {
  std::string text =
      "% Made by Plateau. Compiles alone; or \\input it (with \\usepackage{booktabs}).\n";
  text += kStandalone;
  text += "\\begin{table}[htbp]\n\\centering\\small\n\\setlength{\\tabcolsep}{4pt}\n";
  text += kFallbacks;
  text += "\\caption{Results of " + escape_latex(table.title) + ".}\n";
  text += "\\label{tab:plateau-" + label_of(table.title) + "}\n\\begin{tabular}{@{}";
  for (const Column& column : table.columns)
    text += column.is_number ? 'r' : 'l';
  text += "@{}}\n\\toprule\n";
  text += joined(table.columns, [](const Column& c) { return escape_latex(c.header); });
  text += " \\\\\n\\midrule\n";
  for (const Row& row : table.rows) {
    if (row.starts_group) text += "\\midrule\n";
    text += joined(row.entries, entry_text) + " \\\\\n";
  }
  text += "\\bottomrule\n\\end{tabular}\n\\par\\smallskip\n";
  text += "\\parbox{\\linewidth}{\\footnotesize\\raggedright\n";
  if (has_marks(table)) text += mark_note("bold", "underlined") + "\\par\n";
  for (const std::string& note : table.notes)
    text += escape_latex(note) + "\\par\n";
  text += "}\n\\end{table}\n\\csname plateau@end\\endcsname\n";
  return text;
}

}  // namespace plateau::results
