#include <algorithm>
#include <cctype>

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
  \IfFileExists{booktabs.sty}{\usepackage{booktabs}}{}
  \IfFileExists{siunitx.sty}{\usepackage{siunitx}}{}
  \usepackage[margin=1.5cm]{geometry}
  \pagestyle{empty}
  \begin{document}
  \expandafter\def\csname plateau@end\endcsname{\end{document}}
\fi
)";

// Without booktabs the rules become \hline. A decimal column is siunitx's S where there is siunitx,
// and flush right where there is none; #1 is its table-format.
constexpr char kFallbacks[] = R"(\providecommand{\toprule}{\hline}
\providecommand{\midrule}{\hline}
\providecommand{\bottomrule}{\hline}
)";
constexpr char kWithSiunitx[] =
    R"(\expandafter\ifx\csname sisetup\endcsname\relax
)";
constexpr char kSetSiunitx[] =
    R"(  \sisetup{detect-weight=true,mode=text,table-number-alignment=center}
  \expandafter\ifx\csname robustify\endcsname\relax\else\robustify\bfseries\fi
)";

// Digits before and after the point of the widest number in a column.
struct Format {
  std::size_t whole = 1;
  std::size_t decimals = 0;
  bool sign = false;
  bool wide = false;  // some entry has a spread, a range or a remark: a second column holds them

  std::string text() const {
    return (sign ? "-" : "") + std::to_string(whole) + "." + std::to_string(decimals);
  }
};

bool is_number(const std::string& text) {
  bool digit = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      digit = true;
    } else if (!(c == '.' || (c == '-' && i == 0))) {
      return false;
    }
  }
  return digit;
}

bool is_decimal(const Column& column) {
  return column.is_value || column.has_spread;
}

std::size_t whole_digits(const std::string& number) {
  const std::size_t point = number.find('.');
  const std::size_t end = point == std::string::npos ? number.size() : point;
  return end - (number.front() == '-' ? 1 : 0);
}

Format format_of(const Table& table, std::size_t column) {
  Format format;
  for (const Row& row : table.rows) {
    const Entry& entry = row.entries[column];
    if (!is_number(entry.text)) continue;
    format.whole = std::max(format.whole, whole_digits(entry.text));
    const std::size_t point = entry.text.find('.');
    const std::size_t decimals = point == std::string::npos ? 0 : entry.text.size() - point - 1;
    format.decimals = std::max(format.decimals, decimals);
    format.sign = format.sign || entry.text.front() == '-';
    format.wide = format.wide || !entry.spread.empty() || !entry.range.empty() ||
                  !entry.remark.empty() || entry.like_best;
  }
  return format;
}

std::string after_number(const Entry& entry) {
  std::string text;
  if (!entry.spread.empty()) text += "$\\pm$\\," + escape_latex(entry.spread);
  if (!entry.range.empty()) text += (text.empty() ? "" : " ") + escape_latex(entry.range);
  if (entry.like_best) text += (text.empty() ? "" : " ") + std::string("$\\approx$");
  if (!entry.remark.empty()) {
    text += (text.empty() ? "(" : " (") + escape_latex(entry.remark) + ")";
  }
  return text;
}

// An S column sets a number in braces as it is, so what is missing before the point is put back as
// empty width: underlined numbers stand under the others.
std::string underlined(const std::string& number, const Format& format) {
  const std::size_t missing = format.whole - std::min(format.whole, whole_digits(number));
  std::string pad = missing > 0 ? "\\phantom{" + std::string(missing, '0') + "}" : "";
  return "{" + pad + "\\underline{" + number + "}}";
}

std::string decimal_entry(const Entry& entry, const Format& format) {
  if (!is_number(entry.text)) {
    std::string text = escape_latex(entry.text);
    if (!entry.remark.empty()) text += " (" + escape_latex(entry.remark) + ")";
    return format.wide ? "\\multicolumn{2}{c}{" + text + "}" : "{" + text + "}";
  }
  std::string number = entry.text;
  if (entry.mark == Mark::kBest) number = "\\bfseries " + number;
  if (entry.mark == Mark::kSecond) number = underlined(entry.text, format);
  return number + (format.wide ? " & " + after_number(entry) : "");
}

std::string plain_entry(const Entry& entry) {
  std::string text = escape_latex(entry.text);
  if (entry.mark == Mark::kBest) text = "\\textbf{" + text + "}";
  if (entry.mark == Mark::kSecond) text = "\\underline{" + text + "}";
  const std::string after = after_number(entry);
  return text + (after.empty() ? "" : " " + after);
}

// A heading in two or more lines, broken after the colon that divides task and metric.
std::string heading(const Column& column, const Format& format) {
  const std::size_t colon = column.is_value ? column.header.rfind(": ") : std::string::npos;
  std::string text = escape_latex(column.header);
  if (colon != std::string::npos) {
    text = "\\shortstack{" + escape_latex(column.header.substr(0, colon)) + "\\\\" +
           escape_latex(column.header.substr(colon + 2)) + "}";
  }
  if (!is_decimal(column)) return text;
  return format.wide ? "\\multicolumn{2}{c}{" + text + "}" : "{" + text + "}";
}

// A label that any LaTeX takes: letters, digits and hyphens.
std::string label_of(const std::string& name) {
  std::string label;
  for (char c : name)
    label += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '-';
  return label;
}

// The columns as \plateaucolumns, once for siunitx and once without.
std::string column_macro(const Table& table, const std::vector<Format>& formats) {
  std::string with;
  std::string without;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    if (!is_decimal(column)) {
      const char kind = column.is_number ? 'r' : 'l';
      with += kind;
      without += kind;
      continue;
    }
    const std::string spread = formats[i].wide ? "@{\\,}l" : "";
    with += "S[table-format=" + formats[i].text() + "]" + spread;
    without += "r" + spread;
  }
  return std::string(kWithSiunitx) + "  \\def\\plateaucolumns{@{}" + without + "@{}}\n\\else\n" +
         kSetSiunitx + "  \\def\\plateaucolumns{@{}" + with + "@{}}\n\\fi\n";
}

std::string body_of(const Table& table, const std::vector<Format>& formats) {
  std::string text = "\\toprule\n";
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    text += (i == 0 ? "" : " & ") + heading(table.columns[i], formats[i]);
  text += " \\\\\n\\midrule\n";
  for (const Row& row : table.rows) {
    if (row.starts_group) text += "\\midrule\n";
    for (std::size_t i = 0; i < row.entries.size(); ++i) {
      const Entry& entry = row.entries[i];
      text +=
          (i == 0 ? "" : " & ") +
          (is_decimal(table.columns[i]) ? decimal_entry(entry, formats[i]) : plain_entry(entry));
    }
    text += " \\\\\n";
  }
  return text + "\\bottomrule\n";
}

std::string table_environment(const Table& table) {
  std::vector<Format> formats;
  for (std::size_t i = 0; i < table.columns.size(); ++i)
    formats.push_back(format_of(table, i));
  std::string text = "\\begin{table}[htbp]\n\\centering\\small\n\\setlength{\\tabcolsep}{4pt}\n";
  text += kFallbacks;
  text += column_macro(table, formats);
  text += "\\caption{" + escape_latex(table.title) + "}\n";
  text += "\\label{tab:plateau-" + label_of(table.name) + "}\n";
  text += "\\expandafter\\tabular\\expandafter{\\plateaucolumns}\n" + body_of(table, formats) +
          "\\endtabular\n\\par\\smallskip\n";
  text += "\\parbox{\\linewidth}{\\footnotesize\\raggedright\n";
  if (has_marks(table)) text += mark_note("bold", "underlined") + "\\par\n";
  for (const std::string& note : table.notes)
    text += escape_latex(note) + "\\par\n";
  return text + "}\n\\end{table}\n";
}

}  // namespace

std::string latex(const std::vector<Table>& tables) {
  std::string text =
      "% Made by Plateau. Compiles alone; or \\input it (with \\usepackage{booktabs,siunitx}).\n";
  text += kStandalone;
  for (const Table& table : tables)
    text += table_environment(table);
  return text + "\\csname plateau@end\\endcsname\n";
}

std::string latex(const Table& table) {
  return latex(std::vector<Table>{table});
}

}  // namespace plateau::results
