// Text as glyphs of the one font: how wide it is, and what it looks like.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "coordinator/results/figure/drawing.h"

struct FT_FaceRec_;

namespace plateau::results {

// One character as set.
struct Glyph {
  std::uint32_t id = 0;   // in the font; 0: the font lacks the character
  std::string character;  // UTF-8
  double x = 0.0;         // of its origin, in points from the start of the text
};

struct SetText {
  std::vector<Glyph> glyphs;
  double width = 0.0;        // points
  bool is_complete = false;  // the font has every character
};

// Unhinted and without kerning, so that a text is as wide at any resolution. One line: white space
// runs become a space (escape.h).
SetText set_text(const std::string& text, double size, bool is_bold = false);

// Points.
double text_width(const std::string& text, double size, bool is_bold = false);

// The text, or as many of its characters as leave room for "…" within `width` points.
std::string fitted_text(const std::string& text, double width, double size, bool is_bold = false);

// A glyph's contours as SVG path data in font units, y upwards; empty for a space.
std::string glyph_outline(std::uint32_t id, bool is_bold);
double units_per_em(bool is_bold);

// FreeType's face, for Cairo. Lives as long as the program; one thread at a time.
FT_FaceRec_* font_face(bool is_bold);

}  // namespace plateau::results
