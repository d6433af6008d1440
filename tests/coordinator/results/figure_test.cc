#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/results/figure/axis.h"
#include "coordinator/results/figure/font.h"
#include "coordinator/results/figure/pareto_figure.h"
#include "coordinator/results/figure/rank_figure.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

template <typename T>
std::vector<T> shapes_of(const Drawing& drawing) {
  std::vector<T> found;
  for (const Shape& shape : drawing.shapes) {
    if (const T* one = std::get_if<T>(&shape)) found.push_back(*one);
  }
  return found;
}

// The point where a text stands, or a failure.
Point place_of(const Drawing& drawing, const std::string& text) {
  for (const Label& label : shapes_of<Label>(drawing)) {
    if (label.text == text) return label.at;
  }
  ADD_FAILURE() << "no text '" << text << "'";
  return {};
}

// Lines of the colour of the first adapter with the given width; the legend's sample comes last.
std::vector<Polyline> lines_of(const Drawing& drawing, const std::string& color) {
  std::vector<Polyline> found;
  for (const Polyline& line : shapes_of<Polyline>(drawing)) {
    if (line.stroke.color == color) found.push_back(line);
  }
  return found;
}

constexpr char kFirstColor[] = "#0072B2";

TEST(Axis, ticks_are_round_and_inside) {
  const Ticks ticks = nice_ticks(85.3, 88.9, 7);
  EXPECT_LT(ticks.low, 85.3);
  EXPECT_GT(ticks.high, 88.9);
  EXPECT_THAT(ticks.values, ElementsAre(86.0, 87.0, 88.0, 89.0));
  EXPECT_EQ(ticks.decimals, 0);
  EXPECT_EQ(nice_ticks(0.871, 0.879, 7).decimals, 3);
}

TEST(Axis, equal_ends_still_make_an_axis) {
  const Ticks ticks = nice_ticks(50.0, 50.0, 6);
  EXPECT_LT(ticks.low, 50.0);
  EXPECT_GT(ticks.high, 50.0);
  EXPECT_FALSE(ticks.values.empty());
  EXPECT_FALSE(nice_ticks(0.0, 0.0, 6).values.empty());
  EXPECT_LE(nice_ticks(0.0, 0.0, 6).decimals, 1) << "longer labels run into the axis' name";
}

TEST(RankFigure, ranks_stand_on_a_log2_axis) {
  const auto drawing = rank_figure(summarise(quickstart_run()));
  ASSERT_TRUE(drawing.has_value());
  const double one = place_of(*drawing, "1").x;
  const double four = place_of(*drawing, "4").x;
  const double sixteen = place_of(*drawing, "16").x;
  EXPECT_NEAR(four - one, sixteen - four, 1e-9);
  EXPECT_GT(four, one);
}

TEST(RankFigure, means_and_band_stand_at_their_values) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.80, 0.90}});  // mean 85, deviation 7.07
  builder.add({"lora", 4, {0.90, 0.90}});  // mean 90, deviation 0
  const auto drawing = rank_figure(summarise(builder.run));
  ASSERT_TRUE(drawing.has_value());
  const double y80 = place_of(*drawing, "80").y;
  const double y90 = place_of(*drawing, "90").y;
  const auto value_at = [&](double y) {
    // A label's baseline lies 3.1 points under the line of its tick.
    return 80.0 + 10.0 * (y80 - 3.1 - y) / (y80 - y90);
  };
  const auto lines = lines_of(*drawing, kFirstColor);
  ASSERT_EQ(lines.size(), 2u);
  ASSERT_EQ(lines[0].points.size(), 2u);
  EXPECT_NEAR(value_at(lines[0].points[0].y), 85.0, 1e-6);
  EXPECT_NEAR(value_at(lines[0].points[1].y), 90.0, 1e-6);
  const auto bands = shapes_of<Area>(*drawing);
  ASSERT_EQ(bands.size(), 1u);
  EXPECT_NEAR(value_at(bands[0].points[0].y), 85.0 + 7.0710678, 1e-6);
  EXPECT_NEAR(value_at(bands[0].points[3].y), 85.0 - 7.0710678, 1e-6);
}

TEST(RankFigure, a_missing_cell_is_a_gap) {
  RunBuilder builder;
  for (std::int64_t rank : {1, 2, 4, 8, 16})
    builder.add({"lora", rank, {0.8, 0.82}});
  EXPECT_EQ(lines_of(*rank_figure(summarise(builder.run)), kFirstColor).size(), 2u);
  builder.end(4, TrialState::kFailed, "x");
  builder.end(5, TrialState::kFailed, "x");
  const auto drawing = rank_figure(summarise(builder.run));
  // Two pieces and the legend's sample.
  EXPECT_EQ(lines_of(*drawing, kFirstColor).size(), 3u);
}

TEST(RankFigure, an_incomplete_cell_is_hollow_and_said) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.8, 0.82}});
  builder.add({"lora", 4, {0.8, 0.82}});
  EXPECT_THAT(to_svg(*rank_figure(summarise(builder.run))), Not(HasSubstr("Hollow:")));
  builder.end(3, TrialState::kDiverged, "x");
  const auto drawing = rank_figure(summarise(builder.run));
  std::size_t hollow = 0;
  for (const Marker& marker : shapes_of<Marker>(*drawing))
    hollow += marker.fill == "#FFFFFF" ? 1 : 0;
  EXPECT_EQ(hollow, 1u);
  EXPECT_THAT(to_svg(*drawing), HasSubstr("Hollow: seeds"));
}

TEST(RankFigure, a_far_baseline_is_named_and_a_near_one_drawn) {
  const auto drawing = rank_figure(summarise(quickstart_run()));
  place_of(*drawing, "↓ Majority class 57.0");
  place_of(*drawing, "Linear probe");
  for (const Label& label : shapes_of<Label>(*drawing))
    EXPECT_NE(label.text, "Majority class");
}

TEST(RankFigure, legend_entries_do_not_overlap_and_nothing_leaves_the_page) {
  RunBuilder builder;
  for (const char* method : {"lora", "dora", "loreft"}) {
    for (double epochs : {1.0, 2.0, 3.0}) {
      for (std::int64_t rank : {1, 4}) {
        const std::size_t at = builder.add({method, rank, {0.8, 0.81}});
        for (std::size_t i = at; i < builder.run.trials.size(); ++i)
          change(builder.row(i), [&](Trial& trial) { trial.optimizer.epochs = epochs; });
      }
    }
  }
  builder.refresh_keys();
  for (double width : {252.0, 360.0, 504.0}) {
    const auto drawing = rank_figure(summarise(builder.run), {width});
    std::vector<Label> texts = shapes_of<Label>(*drawing);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].anchor != Anchor::kStart) continue;
      const double end = texts[i].at.x + text_width(texts[i].text, texts[i].size, texts[i].is_bold);
      EXPECT_LE(end, width) << texts[i].text;
      EXPECT_LE(texts[i].at.y, drawing->height) << texts[i].text;
      for (std::size_t k = 0; k < texts.size(); ++k) {
        const bool same_line = k != i && texts[k].at.y == texts[i].at.y;
        if (same_line && texts[k].at.x > texts[i].at.x) {
          EXPECT_GE(texts[k].at.x, end);
        }
      }
    }
  }
}

TEST(RankFigure, svg_is_the_same_twice_and_escapes_names) {
  RunBuilder builder;
  builder.run.name = "<script>alert(1)</script>";
  builder.add({"lora", 1, {0.8}, "a & b <c> \"d\""});
  builder.add({"lora", 1, {0.7}, "second"});
  builder.refresh_keys();
  const std::string svg = to_svg(*rank_figure(summarise(builder.run)));
  EXPECT_EQ(svg, to_svg(*rank_figure(summarise(builder.run))));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(svg, HasSubstr("aria-label=\"a &amp; b &lt;c&gt; &quot;d&quot;, minilm-l6\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  // Every "&" begins an entity, every "<" a tag of ours.
  EXPECT_FALSE(std::regex_search(svg, std::regex("&(?!amp;|lt;|gt;|quot;|#39;)")));
  EXPECT_FALSE(std::regex_search(
      svg,
      std::regex(
          "<(?![?]xml|/?(svg|title|desc|defs|g|use|rect|polyline|polygon|circle|path|text)\\b)")));
}

TEST(ParetoFigure, the_front_is_what_nothing_smaller_equals) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.80, 0.80}, "tweets", 0.003, 1000});
  builder.add({"lora", 4, {0.80, 0.80}, "tweets", 0.003, 4000});    // equalled by a smaller one
  builder.add({"lora", 16, {0.90, 0.90}, "tweets", 0.003, 16000});  // on the front
  builder.add({"loreft", 1, {0.70, 0.70}, "tweets", 0.003, 500});   // on the front: the smallest
  builder.add({"dora", 1, {0.95, 0.99}, "tweets", 0.003, 1000});    // incomplete
  builder.end(9, TrialState::kFailed, "x");
  const Summary summary = summarise(builder.run);
  std::vector<const Cell*> cells;
  for (const Cell& cell : summary.cells)
    cells.push_back(&cell);
  std::string front;
  for (const Cell* cell : pareto_front(cells))
    front += cell->method + std::to_string(*cell->rank) + " ";
  EXPECT_EQ(front, "loreft1 lora1 lora16 ");
}

TEST(ParetoFigure, parameters_stand_on_a_log10_axis) {
  const auto drawing = pareto_figure(summarise(quickstart_run()));
  ASSERT_TRUE(drawing.has_value());
  const double ten = place_of(*drawing, "10k").x;
  const double twenty = place_of(*drawing, "20k").x;
  const double hundred = place_of(*drawing, "100k").x;
  EXPECT_NEAR((twenty - ten) / (hundred - ten), 0.30103, 1e-5);
  const std::string svg = to_svg(*drawing);
  EXPECT_EQ(svg, to_svg(*pareto_figure(summarise(quickstart_run()))));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(ParetoFigure, nothing_complete_gives_no_figure) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.5, 0.5}});
  builder.end(1, TrialState::kRunning);
  EXPECT_FALSE(pareto_figure(summarise(builder.run)).has_value());
}

TEST(RankFigure, nothing_to_draw_gives_no_figure) {
  RunBuilder builder;
  builder.add({"majority", 0, {0.5}});
  builder.add({"lora", 4, {0.5}});
  builder.end(1, TrialState::kQueued);
  EXPECT_FALSE(rank_figure(summarise(builder.run)).has_value());
}

// DejaVu Sans has 2048 units an em; its "m" is 1995 wide, its space 651.
TEST(Font, texts_are_as_wide_as_the_font_says) {
  EXPECT_NEAR(text_width("m", 10.0), 10.0 * 1995 / 2048, 1e-9);
  EXPECT_NEAR(text_width("m  m", 10.0), 10.0 * (2 * 1995 + 651) / 2048, 1e-9);
  EXPECT_GT(text_width("m", 10.0, /*is_bold=*/true), text_width("m", 10.0));
  EXPECT_EQ(glyph_outline(set_text("a b", 9.0).glyphs[1].id, false), "");
  // What the figures write themselves is in the font.
  EXPECT_TRUE(set_text("↑ ↓ ± α √ ≥ ≤ ≈ × → – … é", 9.0).is_complete);
}

Drawing one_label(const std::string& text) {
  Drawing drawing;
  drawing.width = drawing.height = 100.0;
  drawing.title = "a (b) \\ ü";
  drawing.shapes = {Label{{50, 50}, text, 10.0, Anchor::kMiddle, true, true, "#222222"}};
  return drawing;
}

TEST(Svg, text_is_outlines_unless_the_font_lacks_a_character) {
  const std::string outlines = to_svg(one_label("LoRA"));
  EXPECT_THAT(outlines, HasSubstr("aria-label=\"LoRA\""));
  EXPECT_THAT(outlines, Not(HasSubstr("<text")));
  const std::regex outline("<path id=\"b[0-9]+\" d=\"M");
  EXPECT_EQ(std::distance(std::sregex_iterator(outlines.begin(), outlines.end(), outline), {}), 4);
  const std::string mixed = to_svg(one_label("漢 LoRA"));
  EXPECT_THAT(mixed, HasSubstr(">漢 LoRA</text>"));
}

TEST(Svg, glyphs_stand_where_their_advances_add_up) {
  const std::string svg = to_svg(one_label("mmmmmmmmmm"));
  const double advance = text_width("m", 2048.0, /*is_bold=*/true);
  const std::regex place("<use xlink:href=\"#b[0-9]+\" x=\"([-0-9.]+)\"");
  std::vector<double> places;
  for (auto at = std::sregex_iterator(svg.begin(), svg.end(), place); at != std::sregex_iterator();
       ++at)
    places.push_back(std::stod((*at)[1]));
  ASSERT_EQ(places.size(), 10u);
  for (std::size_t i = 0; i < places.size(); ++i)
    EXPECT_NEAR(places[i], (static_cast<double>(i) - 5.0) * advance, 0.011);
}

TEST(Pdf, embeds_its_font_names_its_characters_and_has_no_date) {
  const std::string pdf = to_pdf(one_label("LoRA & ü"));
  EXPECT_EQ(pdf.substr(0, 5), "%PDF-");
  EXPECT_THAT(pdf, HasSubstr("/FontFile2"));
  EXPECT_THAT(pdf, HasSubstr("/ToUnicode"));
  EXPECT_THAT(pdf, HasSubstr("DejaVuSans-Bold"));
  EXPECT_THAT(pdf, Not(HasSubstr("CreationDate")));
  EXPECT_THAT(to_pdf(one_label("LoRE & ü")), Not(::testing::Eq(pdf)));
}

}  // namespace
}  // namespace plateau::results
