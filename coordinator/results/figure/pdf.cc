#include <charconv>
#include <memory>
#include <numbers>

#include <cairo-ft.h>
#include <cairo-pdf.h>

#include "common/base/check.h"
#include "coordinator/results/escape.h"
#include "coordinator/results/figure/drawing.h"
#include "coordinator/results/figure/font.h"

namespace plateau::results {
namespace {

template <auto kDestroy>
struct Destroy {
  template <typename T>
  void operator()(T* object) const {
    kDestroy(object);
  }
};
using Surface = std::unique_ptr<cairo_surface_t, Destroy<cairo_surface_destroy>>;
using Canvas = std::unique_ptr<cairo_t, Destroy<cairo_destroy>>;
using Face = std::unique_ptr<cairo_font_face_t, Destroy<cairo_font_face_destroy>>;

cairo_status_t append(void* bytes, const unsigned char* data, unsigned length) {
  static_cast<std::string*>(bytes)->append(reinterpret_cast<const char*>(data), length);
  return CAIRO_STATUS_SUCCESS;
}

// "#RRGGBB"
void set_color(cairo_t* canvas, const std::string& color, double opacity = 1.0) {
  unsigned code = 0;
  const char* end = color.data() + color.size();
  const auto read = std::from_chars(color.data() + 1, end, code, 16);
  PLATEAU_CHECK(color.size() == 7 && read.ptr == end, "a colour is not #RRGGBB");
  const auto channel = [&](unsigned shift) { return ((code >> shift) & 0xFF) / 255.0; };
  cairo_set_source_rgba(canvas, channel(16), channel(8), channel(0), opacity);
}

void trace(cairo_t* canvas, const std::vector<Point>& points) {
  for (const Point& point : points)
    cairo_line_to(canvas, point.x, point.y);  // The first begins a path, for want of one.
}

class Painter {
 public:
  explicit Painter(cairo_t* canvas)
      : canvas_(canvas),
        regular_(cairo_ft_font_face_create_for_ft_face(font_face(false), 0)),
        bold_(cairo_ft_font_face_create_for_ft_face(font_face(true), 0)) {
    cairo_font_options_t* options = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_set_font_options(canvas_, options);
    cairo_font_options_destroy(options);
    cairo_set_line_join(canvas_, CAIRO_LINE_JOIN_ROUND);
  }

  void operator()(const Area& area) {
    trace(canvas_, area.points);
    cairo_close_path(canvas_);
    set_color(canvas_, area.color, area.opacity);
    cairo_fill(canvas_);
  }

  void operator()(const Polyline& line) {
    trace(canvas_, line.points);
    stroke(line.stroke);
  }

  void operator()(const Marker& marker) {
    const auto [x, y] = marker.at;
    const double r = marker.size / 2;
    if (marker.shape == MarkerShape::kCross) {
      cairo_move_to(canvas_, x - r, y - r);
      cairo_line_to(canvas_, x + r, y + r);
      cairo_move_to(canvas_, x - r, y + r);
      cairo_line_to(canvas_, x + r, y - r);
    } else if (marker.shape == MarkerShape::kCircle) {
      cairo_new_sub_path(canvas_);
      cairo_arc(canvas_, x, y, r, 0.0, 2 * std::numbers::pi);
    } else {
      trace(canvas_, marker_corners(marker));
      cairo_close_path(canvas_);
    }
    if (!marker.fill.empty()) {
      set_color(canvas_, marker.fill);
      cairo_fill_preserve(canvas_);
    }
    stroke({marker.color, kMarkerEdge, {}});
  }

  void operator()(const Label& label) {
    const SetText set = set_text(label.text, label.size, label.is_bold);
    const double start = label.anchor == Anchor::kStart    ? 0.0
                         : label.anchor == Anchor::kMiddle ? -set.width / 2
                                                           : -set.width;
    std::string words;
    std::vector<cairo_glyph_t> glyphs;
    std::vector<cairo_text_cluster_t> clusters;
    for (const Glyph& glyph : set.glyphs) {
      words += glyph.character;
      glyphs.push_back({glyph.id, start + glyph.x, 0.0});
      clusters.push_back({static_cast<int>(glyph.character.size()), 1});
    }
    cairo_save(canvas_);
    cairo_translate(canvas_, label.at.x, label.at.y);
    if (label.is_upward) cairo_rotate(canvas_, -std::numbers::pi / 2);
    cairo_set_font_face(canvas_, (label.is_bold ? bold_ : regular_).get());
    cairo_set_font_size(canvas_, label.size);
    set_color(canvas_, label.color);
    cairo_show_text_glyphs(canvas_, words.data(), static_cast<int>(words.size()), glyphs.data(),
                           static_cast<int>(glyphs.size()), clusters.data(),
                           static_cast<int>(clusters.size()), cairo_text_cluster_flags_t{});
    cairo_restore(canvas_);
  }

 private:
  void stroke(const Stroke& stroke) {
    set_color(canvas_, stroke.color);
    cairo_set_line_width(canvas_, stroke.width);
    cairo_set_dash(canvas_, stroke.dashes.data(), static_cast<int>(stroke.dashes.size()), 0.0);
    cairo_stroke(canvas_);
  }

  cairo_t* canvas_;
  Face regular_;
  Face bold_;
};

}  // namespace

std::string to_pdf(const Drawing& drawing) {
  std::string bytes;
  const Surface surface(
      cairo_pdf_surface_create_for_stream(append, &bytes, drawing.width, drawing.height));
  cairo_pdf_surface_set_metadata(surface.get(), CAIRO_PDF_METADATA_TITLE,
                                 one_line(drawing.title).c_str());
  // Cairo writes the present time where none is given.
  cairo_pdf_surface_set_metadata(surface.get(), CAIRO_PDF_METADATA_CREATE_DATE, "");
  {
    const Canvas canvas(cairo_create(surface.get()));
    Painter painter(canvas.get());
    for (const Shape& shape : drawing.shapes)
      std::visit(painter, shape);
    cairo_show_page(canvas.get());
    PLATEAU_CHECK(cairo_status(canvas.get()) == CAIRO_STATUS_SUCCESS,
                  cairo_status_to_string(cairo_status(canvas.get())));
  }
  cairo_surface_finish(surface.get());
  return bytes;
}

}  // namespace plateau::results
