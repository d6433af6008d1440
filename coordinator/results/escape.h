// Names from a sweep file or a data file go into other languages only through these.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace plateau::results {

// Code points of UTF-8; a malformed byte becomes U+FFFD and reading goes on with the next.
std::vector<std::uint32_t> code_points(std::string_view utf8);
void append_utf8(std::string& text, std::uint32_t code_point);

// One line of printable UTF-8: runs of white space become one space, other control characters and
// direction overrides are dropped. Every writer below starts with it.
std::string one_line(std::string_view text);

// For a cell or a paragraph of GitHub's Markdown: no character of it is markup.
std::string escape_markdown(std::string_view text);
// For LaTeX text (not math). ± × ≥ ↑ and their like become commands; what pdflatex could not set
// becomes [U+XXXX].
std::string escape_latex(std::string_view text);
// For XML and HTML text and attributes in double quotes.
std::string escape_xml(std::string_view text);
// The same for the text of a <pre>: lines, spaces and tabs stay as they are.
std::string escape_xml_lines(std::string_view text);
// One CSV field, RFC 4180: quoted when it must be, quotes doubled. Line ends are kept.
std::string csv_field(std::string_view text);

// Columns that a line takes on a terminal: wide East Asian characters count two.
std::size_t display_width(std::string_view utf8);

}  // namespace plateau::results
