#include "coordinator/results/html.h"

#include <cstdint>

#include "coordinator/results/escape.h"

namespace plateau::results {
namespace {

constexpr char kStyle[] = R"(
body { font: 15px/1.5 "DejaVu Sans", Verdana, sans-serif; color: #222; background: #fff;
       max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #ccc; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; border-top: 2px solid #222;
        border-bottom: 2px solid #222; margin: 0.5rem 0; }
caption { text-align: left; font-weight: bold; padding: 0.4rem 0; }
th, td { padding: 0.2rem 0.7rem; text-align: left; vertical-align: top; }
thead th { border-bottom: 1px solid #222; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.group td { border-top: 1px solid #999; }
.second { text-decoration: underline; }
.notes { font-size: 0.8rem; color: #555; }
img { max-width: 100%; height: auto; }
pre { background: #f5f5f5; padding: 1rem; overflow-x: auto; font-size: 0.8rem; }
@media print { .wide, pre { overflow: visible; } pre { white-space: pre-wrap; } }
)";

std::string entry_html(const Entry& entry) {
  std::string text = escape_xml(entry.text);
  if (entry.mark == Mark::kBest) text = "<strong>" + text + "</strong>";
  if (entry.mark == Mark::kSecond) text = "<span class=\"second\">" + text + "</span>";
  if (!entry.spread.empty()) text += " ± " + escape_xml(entry.spread);
  if (!entry.range.empty()) text += " " + escape_xml(entry.range);
  if (entry.like_best) text += " ≈";
  if (!entry.remark.empty()) text += " (" + escape_xml(entry.remark) + ")";
  return text;
}

std::string notes_html(const Table& table) {
  std::string text;
  if (has_marks(table)) text += "<li>" + escape_xml(mark_note("bold", "underlined")) + "</li>\n";
  for (const std::string& note : table.notes)
    text += "<li>" + escape_xml(note) + "</li>\n";
  return text.empty() ? "" : "<ul class=\"notes\">\n" + text + "</ul>\n";
}

}  // namespace

std::string html(const Table& table) {
  const auto of = [&](std::size_t column) {
    return table.columns[column].is_number ? " class=\"number\"" : "";
  };
  std::string text = "<div class=\"wide\"><table>\n<caption>" + escape_xml(table.title) +
                     "</caption>\n<thead><tr>";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    text += "<th scope=\"col\"" + std::string(of(i)) + ">" + escape_xml(table.columns[i].header) +
            "</th>";
  }
  text += "</tr></thead>\n<tbody>\n";
  for (const Row& row : table.rows) {
    text += row.starts_group ? "<tr class=\"group\">" : "<tr>";
    for (std::size_t i = 0; i < row.entries.size(); ++i)
      text += "<td" + std::string(of(i)) + ">" + entry_html(row.entries[i]) + "</td>";
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n" + notes_html(table);
}

std::string html(const Drawing& drawing) {
  return "<figure><img src=\"data:image/svg+xml;base64," + base64(to_svg(drawing)) + "\" alt=\"" +
         escape_xml(drawing.title + ". " + drawing.description) + "\"></figure>\n";
}

std::string html_page(const std::string& title, const std::string& body) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
         escape_xml(title) + "</title>\n<style>" + kStyle + "</style>\n</head>\n<body>\n" + body +
         "</body>\n</html>\n";
}

std::string base64(const std::string& bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group <<= 8;
      if (i + k < bytes.size()) group |= static_cast<unsigned char>(bytes[i + k]);
    }
    for (std::size_t k = 0; k < 4; ++k)
      text += i + k > bytes.size() ? '=' : kDigits[(group >> (18 - 6 * k)) & 63];
  }
  return text;
}

}  // namespace plateau::results
