#include "coordinator/results/escape.h"

#include <map>

#include <fmt/format.h>

namespace plateau::results {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;

// The length that a lead byte promises and the bits it carries; 0 for a byte that leads nothing.
int sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

bool is_scalar(std::uint32_t code, int length) {
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  return code >= kSmallest[length] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

bool is_space(std::uint32_t code) {
  return code == ' ' || (code >= '\t' && code <= '\r') || code == 0x85 || code == 0xA0 ||
         code == 0x2028 || code == 0x2029;
}

// Control characters, and those that reorder or hide the text around them.
bool is_hidden(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200B && code <= 0x200F) ||
         (code >= 0x202A && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) ||
         code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

const std::map<std::uint32_t, std::string_view>& latex_commands() {
  static const std::map<std::uint32_t, std::string_view> commands{
      {'&', "\\&"},
      {'%', "\\%"},
      {'$', "\\$"},
      {'#', "\\#"},
      {'_', "\\_"},
      {'{', "\\{"},
      {'}', "\\}"},
      {'~', "\\textasciitilde{}"},
      {'^', "\\textasciicircum{}"},
      {'\\', "\\textbackslash{}"},
      {'<', "\\textless{}"},
      {'>', "\\textgreater{}"},
      {'|', "\\textbar{}"},
      {'"', "''"},  // \textquotedbl needs an encoding that not every document has
      {0xB1, "$\\pm$"},
      {0xD7, "$\\times$"},
      {0xB7, "$\\cdot$"},
      {0x3B1, "$\\alpha$"},
      {0x221A, "$\\surd$"},
      {0x2013, "--"},
      {0x2014, "---"},
      {0x2026, "\\ldots{}"},
      {0x2018, "`"},
      {0x2019, "'"},
      {0x201C, "``"},
      {0x201D, "''"},
      {0x2191, "$\\uparrow$"},
      {0x2193, "$\\downarrow$"},
      {0x2248, "$\\approx$"},
      {0x2212, "$-$"},
      {0x2264, "$\\leq$"},
      {0x2265, "$\\geq$"},
  };
  return commands;
}

}  // namespace

std::vector<std::uint32_t> code_points(std::string_view utf8) {
  std::vector<std::uint32_t> codes;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    const int length = sequence_length(lead);
    std::uint32_t code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    bool good = length > 0 && i + static_cast<std::size_t>(length) <= utf8.size();
    for (int k = 1; good && k < length; ++k) {
      const auto next = static_cast<unsigned char>(utf8[i + static_cast<std::size_t>(k)]);
      good = (next & 0xC0) == 0x80;
      code = (code << 6) | (next & 0x3Fu);
    }
    good = good && is_scalar(code, length);
    codes.push_back(good ? code : kReplacement);
    i += good ? static_cast<std::size_t>(length) : 1;
  }
  return codes;
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) { text += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | (code >> 6));
    byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | (code >> 12));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | (code >> 18));
    byte(0x80 | ((code >> 12) & 0x3F));
    byte(0x80 | ((code >> 6) & 0x3F));
    byte(0x80 | (code & 0x3F));
  }
}

std::string one_line(std::string_view text) {
  std::string line;
  bool space = false;
  for (std::uint32_t code : code_points(text)) {
    if (is_space(code)) {
      space = true;
      continue;
    }
    if (is_hidden(code)) continue;
    if (space && !line.empty()) line += ' ';
    space = false;
    append_utf8(line, code);
  }
  return line;
}

std::string escape_markdown(std::string_view text) {
  std::string escaped;
  for (char c : one_line(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '\\':
      case '`':
      case '*':
      case '_':
      case '{':
      case '}':
      case '[':
      case ']':
      case '#':
      case '|':
      case '~':
      case '$':
      case '!':
        escaped += '\\';
        [[fallthrough]];
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string escape_latex(std::string_view text) {
  std::string escaped;
  for (std::uint32_t code : code_points(one_line(text))) {
    const auto command = latex_commands().find(code);
    if (command != latex_commands().end()) {
      escaped += command->second;
    } else if (code < 0x7F || (code >= 0xC0 && code <= 0xFF)) {
      append_utf8(escaped, code);  // ASCII and the Latin letters that every LaTeX knows.
    } else {
      escaped += fmt::format("[U+{:04X}]", code);
    }
  }
  // At the start of a row "[" or "*" would become an argument of the "\\" before it.
  const bool is_argument = !escaped.empty() && (escaped[0] == '[' || escaped[0] == '*');
  return is_argument ? "{}" + escaped : escaped;
}

namespace {

std::string with_entities(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace

std::string escape_xml(std::string_view text) {
  return with_entities(one_line(text));
}

std::string escape_xml_lines(std::string_view text) {
  std::string printable;
  for (std::uint32_t code : code_points(text)) {
    if (code == '\n' || code == '\t' || !is_hidden(code)) append_utf8(printable, code);
  }
  return with_entities(printable);
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

std::size_t display_width(std::string_view utf8) {
  std::size_t width = 0;
  for (std::uint32_t code : code_points(utf8)) {
    const bool combining = code >= 0x300 && code <= 0x36F;
    const bool wide = (code >= 0x1100 && code <= 0x115F) || (code >= 0x2E80 && code <= 0xA4CF) ||
                      (code >= 0xAC00 && code <= 0xD7A3) || (code >= 0xF900 && code <= 0xFAFF) ||
                      (code >= 0xFE30 && code <= 0xFE6F) || (code >= 0xFF00 && code <= 0xFF60) ||
                      (code >= 0x1F300 && code <= 0x1FAFF) || (code >= 0x20000 && code <= 0x3FFFD);
    width += combining ? 0 : wide ? 2 : 1;
  }
  return width;
}

}  // namespace plateau::results
