#include "coordinator/results/figure/font.h"

#include <ft2build.h>

#include "common/base/check.h"
#include "coordinator/results/escape.h"
#include "coordinator/results/figure/font_data.h"

#include FT_FREETYPE_H
#include FT_OUTLINE_H

namespace plateau::results {
namespace {

FT_Library library() {
  // Never freed: Cairo's cache of fonts may outlive any static object of ours.
  static FT_Library handle = [] {
    FT_Library made = nullptr;
    PLATEAU_CHECK(FT_Init_FreeType(&made) == 0, "FreeType does not start");
    return made;
  }();
  return handle;
}

FT_Face open_face(bool is_bold) {
  const auto bytes = font_file(is_bold);
  FT_Face face = nullptr;
  PLATEAU_CHECK(FT_New_Memory_Face(library(), reinterpret_cast<const FT_Byte*>(bytes.data()),
                                   static_cast<FT_Long>(bytes.size()), 0, &face) == 0,
                "the font in the program cannot be read");
  return face;
}

double advance_of(FT_Face face, std::uint32_t glyph) {
  PLATEAU_CHECK(FT_Load_Glyph(face, glyph, FT_LOAD_NO_SCALE) == 0, "a glyph is missing");
  return static_cast<double>(face->glyph->metrics.horiAdvance);
}

std::string at(const FT_Vector* point) {
  return std::to_string(point->x) + " " + std::to_string(point->y);
}

struct Contours {
  std::string path;

  static std::string& text(void* self) { return static_cast<Contours*>(self)->path; }
  static int move(const FT_Vector* to, void* self) {
    std::string& path = text(self);
    path += (path.empty() ? "M" : "ZM") + at(to);
    return 0;
  }
  static int line(const FT_Vector* to, void* self) {
    text(self) += "L" + at(to);
    return 0;
  }
  static int conic(const FT_Vector* control, const FT_Vector* to, void* self) {
    text(self) += "Q" + at(control) + " " + at(to);
    return 0;
  }
  static int cubic(const FT_Vector* first, const FT_Vector* second, const FT_Vector* to,
                   void* self) {
    text(self) += "C" + at(first) + " " + at(second) + " " + at(to);
    return 0;
  }
};

}  // namespace

FT_FaceRec_* font_face(bool is_bold) {
  static FT_Face regular = open_face(false);
  static FT_Face bold = open_face(true);
  return is_bold ? bold : regular;
}

double units_per_em(bool is_bold) {
  return static_cast<double>(font_face(is_bold)->units_per_EM);
}

SetText set_text(const std::string& text, double size, bool is_bold) {
  FT_Face face = font_face(is_bold);
  const double points_per_unit = size / units_per_em(is_bold);
  SetText set;
  set.is_complete = true;
  for (std::uint32_t code : code_points(one_line(text))) {
    Glyph glyph;
    glyph.id = FT_Get_Char_Index(face, code);
    append_utf8(glyph.character, code);
    glyph.x = set.width;
    set.is_complete = set.is_complete && glyph.id != 0;
    set.width += points_per_unit * advance_of(face, glyph.id);
    set.glyphs.push_back(std::move(glyph));
  }
  return set;
}

double text_width(const std::string& text, double size, bool is_bold) {
  return set_text(text, size, is_bold).width;
}

std::string fitted_text(const std::string& text, double width, double size, bool is_bold) {
  if (text_width(text, size, is_bold) <= width) return text;
  std::string fitted;
  for (const Glyph& glyph : set_text(text, size, is_bold).glyphs) {
    if (text_width(fitted + glyph.character + "…", size, is_bold) > width) break;
    fitted += glyph.character;
  }
  return fitted + "…";
}

std::string glyph_outline(std::uint32_t id, bool is_bold) {
  FT_Face face = font_face(is_bold);
  PLATEAU_CHECK(FT_Load_Glyph(face, id, FT_LOAD_NO_SCALE) == 0, "a glyph is missing");
  Contours contours;
  const FT_Outline_Funcs calls{
      Contours::move, Contours::line, Contours::conic, Contours::cubic, 0, 0};
  PLATEAU_CHECK(FT_Outline_Decompose(&face->glyph->outline, &calls, &contours) == 0,
                "a glyph has no outline");
  return contours.path.empty() ? "" : contours.path + "Z";
}

}  // namespace plateau::results
