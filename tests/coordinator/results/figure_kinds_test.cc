// Curves, box, heatmap and critical-difference figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/results/comparison.h"
#include "coordinator/results/figure/box_figure.h"
#include "coordinator/results/figure/critical_difference_figure.h"
#include "coordinator/results/figure/curves_figure.h"
#include "coordinator/results/figure/font.h"
#include "coordinator/results/figure/heatmap_figure.h"
#include "coordinator/results/figure/pareto_figure.h"
#include "coordinator/results/figure/rank_figure.h"
#include "coordinator/results/results.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kFirstColor[] = "#0072B2";

template <typename T>
std::vector<T> shapes_of(const Drawing& drawing) {
  std::vector<T> found;
  for (const Shape& shape : drawing.shapes) {
    if (const T* one = std::get_if<T>(&shape)) found.push_back(*one);
  }
  return found;
}

std::vector<Label> labels_of(const Drawing& drawing, const std::string& text) {
  std::vector<Label> found;
  for (const Label& label : shapes_of<Label>(drawing)) {
    if (label.text == text) found.push_back(label);
  }
  return found;
}

// No text leaves the page, whatever its anchor.
void expect_inside(const Drawing& drawing) {
  for (const Label& label : shapes_of<Label>(drawing)) {
    if (label.is_upward) continue;
    const double width = text_width(label.text, label.size, label.is_bold);
    const double start = label.at.x - (label.anchor == Anchor::kStart    ? 0.0
                                       : label.anchor == Anchor::kMiddle ? width / 2
                                                                         : width);
    EXPECT_GE(start, 0.0) << label.text;
    EXPECT_LE(start + width, drawing.width) << label.text;
    EXPECT_LE(label.at.y, drawing.height) << label.text;
    EXPECT_GE(label.at.y - label.size, -1.0) << label.text;
  }
}

void report(TrialRow& row, const std::string& split, const std::string& name,
            const std::vector<double>& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    row.curve.push_back({split, name, static_cast<std::int64_t>(100 * (i + 1)), values[i]});
}

TEST(CurvesFigure, means_over_the_steps_that_all_finished_seeds_report) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.9, 0.9, 0.9}});
  report(builder.row(0), "validation", "accuracy", {0.5, 0.7, 0.9});
  report(builder.row(1), "validation", "accuracy", {0.7, 0.9});
  report(builder.row(2), "validation", "accuracy", {0.1, 0.1, 0.1});
  builder.end(2, TrialState::kDiverged, "loss is nan");
  const auto drawing = curves_figure(builder.run, summarise(builder.run));
  ASSERT_TRUE(drawing.has_value());
  // 60 at step 100 and 80 at step 200; step 300 has one seed of two, and the diverged one none.
  EXPECT_THAT(drawing->description, HasSubstr("LoRA, r = 4: 80.0 at step 200."));
  const double y60 = labels_of(*drawing, "60").at(0).at.y - 3.1;
  const double y80 = labels_of(*drawing, "80").at(0).at.y - 3.1;
  std::vector<Polyline> lines;
  for (const Polyline& line : shapes_of<Polyline>(*drawing)) {
    if (line.stroke.color == kFirstColor) lines.push_back(line);
  }
  ASSERT_EQ(lines.size(), 2u);  // the line and the legend's sample
  ASSERT_EQ(lines[0].points.size(), 2u);
  EXPECT_NEAR(lines[0].points[0].y, y60, 1e-6);
  EXPECT_NEAR(lines[0].points[1].y, y80, 1e-6);
  EXPECT_TRUE(labels_of(*drawing, "-0").empty());
  expect_inside(*drawing);
}

TEST(CurvesFigure, falls_back_to_the_training_loss_and_says_so) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.9}});
  EXPECT_FALSE(curves_figure(builder.run, summarise(builder.run)).has_value());
  report(builder.row(0), "train", "loss", {0.9, 0.4});
  const auto drawing = curves_figure(builder.run, summarise(builder.run));
  ASSERT_TRUE(drawing.has_value());
  EXPECT_EQ(labels_of(*drawing, "loss, train").size(), 1u);
}

TEST(BoxFigure, quartiles_are_those_of_numpy) {
  const Quartiles at = quartiles({4.0, 1.0, 3.0, 2.0});  // numpy.percentile(..., [25, 50, 75])
  EXPECT_DOUBLE_EQ(at.low, 1.75);
  EXPECT_DOUBLE_EQ(at.median, 2.5);
  EXPECT_DOUBLE_EQ(at.high, 3.25);
  EXPECT_DOUBLE_EQ(quartiles({7.0}).high, 7.0);
}

TEST(BoxFigure, five_seeds_make_a_box_and_four_do_not) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.80, 0.81, 0.82, 0.83}});
  EXPECT_TRUE(shapes_of<Area>(*box_figure(summarise(builder.run))).empty());
  builder.add({"lora", 4, {0.80, 0.82, 0.84, 0.86, 0.90}});
  const auto drawing = box_figure(summarise(builder.run));
  const auto boxes = shapes_of<Area>(*drawing);
  ASSERT_EQ(boxes.size(), 1u);
  const double y80 = labels_of(*drawing, "80").at(0).at.y;
  const double y90 = labels_of(*drawing, "90").at(0).at.y;
  const auto value_at = [&](double y) { return 80.0 + 10.0 * (y80 - 3.1 - y) / (y80 - y90); };
  EXPECT_NEAR(value_at(boxes[0].points[0].y), 82.0, 1e-6);
  EXPECT_NEAR(value_at(boxes[0].points[2].y), 86.0, 1e-6);
  // Nine seeds and the legend's sample.
  EXPECT_EQ(shapes_of<Marker>(*drawing).size(), 10u);
  expect_inside(*drawing);
}

TEST(HeatmapFigure, darker_is_better_and_what_is_missing_is_said) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.80, 0.80}});
  builder.add({"lora", 4, {0.90, 0.90}});
  builder.add({"dora", 1, {0.99, 0.99}});
  builder.add({"dora", 4, {0.5}});
  builder.end(5, TrialState::kFailed, "x");
  builder.end(6, TrialState::kFailed, "x");
  const auto drawing = heatmap_figure(summarise(builder.run));
  ASSERT_TRUE(drawing.has_value());
  const auto fields = shapes_of<Area>(*drawing);
  ASSERT_EQ(fields.size(), 3u);
  EXPECT_EQ(fields[0].color, "#EDF3FA");  // the worst complete cell
  EXPECT_EQ(fields[1].color, "#08306B");  // the best
  EXPECT_EQ(labels_of(*drawing, "1/2").size(), 1u);
  EXPECT_EQ(labels_of(*drawing, "–").size(), 1u);
  EXPECT_EQ(labels_of(*drawing, "90.0").at(0).color, "#FFFFFF");
  expect_inside(*drawing);
}

TEST(HeatmapFigure, for_a_loss_the_smallest_is_the_darkest) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.80}});
  builder.add({"lora", 4, {0.90}});
  builder.row(0).metrics = {{"test", "loss", 1, 0.2}};
  builder.row(1).metrics = {{"test", "loss", 1, 0.9}};
  const auto drawing = heatmap_figure(summarise(builder.run, {"loss", "test"}));
  ASSERT_TRUE(drawing.has_value());
  EXPECT_EQ(shapes_of<Area>(*drawing).at(0).color, "#08306B");
}

Ranking three_adapters() {
  return {{"LoRA", "DoRA", "LoReFT"}, {1.2, 1.8, 3.0}, 12, 0.001, {{"LoRA", "DoRA"}}};
}

std::vector<Polyline> bars_of(const Drawing& drawing) {
  std::vector<Polyline> bars;
  for (const Polyline& line : shapes_of<Polyline>(drawing)) {
    if (line.stroke.width > 2.0) bars.push_back(line);
  }
  return bars;
}

TEST(CriticalDifference, a_bar_spans_its_clique) {
  const Drawing drawing = critical_difference_figure(three_adapters(), "run");
  const double one = labels_of(drawing, "1").at(0).at.x;
  const double three = labels_of(drawing, "3").at(0).at.x;
  const auto bars = bars_of(drawing);
  ASSERT_EQ(bars.size(), 1u);
  EXPECT_NEAR(bars[0].points[0].x + 2, one + 0.1 * (three - one), 1e-9);
  EXPECT_NEAR(bars[0].points[1].x - 2, one + 0.4 * (three - one), 1e-9);
  expect_inside(drawing);
}

TEST(CriticalDifference, too_few_tasks_draw_no_bar_and_say_why) {
  Ranking ranking = three_adapters();
  ranking.smallest_p = 0.1875;
  const Drawing drawing = critical_difference_figure(ranking, "run");
  EXPECT_TRUE(bars_of(drawing).empty());
  EXPECT_THAT(drawing.description, HasSubstr("reaches p = 0.1875 at best"));
}

RunView several_tasks() {
  RunBuilder builder;
  for (const char* task :
       {"cola", "sst2", "rte", "<b>&tweets, by a name that is too long for a column of a paper"}) {
    for (const char* method : {"lora", "dora", "loreft"}) {
      for (std::int64_t rank : {1, 4, 16}) {
        const std::size_t first = builder.add({method, rank, {0.80, 0.82, 0.81, 0.84, 0.83}, task});
        for (std::size_t i = first; i < builder.run.trials.size(); ++i)
          report(builder.row(i), "validation", builder.row(i).trial.task->metric, {0.5, 0.7, 0.8});
      }
    }
  }
  return builder.run;
}

TEST(FigureKinds, every_kind_and_format_is_the_same_twice_at_every_width) {
  const RunView run = several_tasks();
  for (const auto& [name, kind] : figure_kinds()) {
    for (const auto& [extension, format] : figure_formats()) {
      for (double width : {0.0, 252.0, 504.0}) {
        const auto bytes = figure_bytes(run, kind, format, width);
        ASSERT_TRUE(bytes.ok()) << name << ": " << bytes.error().message;
        EXPECT_EQ(*bytes, *figure_bytes(run, kind, format, width)) << name << " " << extension;
        EXPECT_THAT(*bytes, Not(HasSubstr("nan"))) << name;
        if (format == FigureFormat::kSvg && width > 0.0) {
          EXPECT_THAT(*bytes,
                      HasSubstr("width=\"" + std::to_string(static_cast<int>(width)) + "pt"));
        }
        EXPECT_THAT(*bytes, Not(HasSubstr("<b>"))) << name;
      }
    }
  }
}

TEST(FigureKinds, all_kinds_stay_on_the_page_at_one_and_two_columns) {
  const RunView run = several_tasks();
  const Summary summary = summarise(run);
  for (double width : {252.0, 504.0}) {
    expect_inside(*rank_figure(summary, {width}));
    expect_inside(*pareto_figure(summary, {width}));
    expect_inside(*curves_figure(run, summary, {width}));
    expect_inside(*box_figure(summary, {width}));
    expect_inside(*heatmap_figure(summary, {width}));
    expect_inside(critical_difference_figure(*rank_adapters(summary), run.name, {width}));
  }
}

// The right edge of an upward title (its descenders reach below the baseline) against the left edge
// of the numbers of its axis.
void expect_title_apart_from_numbers(const Drawing& drawing) {
  double title = 0.0;
  double numbers = 1e300;
  for (const Label& label : shapes_of<Label>(drawing)) {
    if (label.is_upward) {
      title = label.at.x + 0.25 * label.size;
      EXPECT_GE(label.at.x - label.size, 0.0) << label.text;
    }
    if (label.anchor == Anchor::kEnd)
      numbers = std::min(numbers, label.at.x - text_width(label.text, label.size));
  }
  EXPECT_LT(title, numbers);
}

TEST(FigureKinds, wide_numbers_of_an_axis_leave_its_title_free) {
  RunBuilder builder;
  for (std::int64_t rank : {1, 4}) {
    const std::size_t first =
        builder.add({"lora", rank, {0.80001, 0.80004, 0.80002, 0.80003, 0.8}});
    for (std::size_t seed = 0; seed < 5; ++seed) {
      const double last = 0.00011 + 1e-6 * static_cast<double>(seed);
      report(builder.row(first + seed), "train", "loss", {0.00012, last});
    }
  }
  const Summary summary = summarise(builder.run);
  expect_title_apart_from_numbers(*rank_figure(summary, {252.0}));
  expect_title_apart_from_numbers(*pareto_figure(summary, {252.0}));
  expect_title_apart_from_numbers(*curves_figure(builder.run, summary, {252.0}));
  expect_title_apart_from_numbers(*box_figure(summary, {252.0}));
}

TEST(HeatmapFigure, a_long_name_of_a_row_leaves_the_fields_their_room) {
  RunBuilder builder;
  for (const char* targets : {"query", "query, key, value, output, intermediate and the pooler"}) {
    const std::size_t first = builder.add({"lora", 4, {0.8}});
    change(builder.row(first),
           [&](Trial& trial) { trial.adapter.parameters["targets"] = targets; });
  }
  builder.refresh_keys();
  const auto drawing = heatmap_figure(summarise(builder.run), {252.0});
  ASSERT_TRUE(drawing.has_value());
  expect_inside(*drawing);
  for (const Area& field : shapes_of<Area>(*drawing))
    EXPECT_GT(field.points[1].x - field.points[0].x, 100.0);
}

std::string pgfplots(const RunView& run, FigureKind kind) {
  const auto text = figure_bytes(run, kind, FigureFormat::kPgfPlots, 252.0);
  EXPECT_TRUE(text.ok()) << text.error().message;
  return *text;
}

TEST(PgfPlots, coordinates_are_the_means_the_band_and_the_seeds) {
  RunBuilder builder;
  builder.add({"lora", 1, {0.80, 0.90}});
  builder.add({"lora", 4, {0.90, 0.90}});
  const std::string text = pgfplots(builder.run, FigureKind::kRank);
  EXPECT_THAT(text, HasSubstr("{(1,85)(4,90)};"));
  EXPECT_THAT(text, HasSubstr("{(1,92.0710678)(4,90)(4,90)(1,77.9289322)}--cycle;"));
  EXPECT_THAT(text, HasSubstr("{(1,80)(1,90)(4,90)(4,90)};% seeds"));
  EXPECT_THAT(text, HasSubstr("\\addlegendentry{LoRA}"));
  EXPECT_THAT(text, HasSubstr("xmode=log,log basis x=2"));
}

TEST(PgfPlots, a_missing_cell_is_a_gap_and_an_incomplete_one_hollow) {
  RunBuilder builder;
  for (std::int64_t rank : {1, 2, 4, 8, 16})
    builder.add({"lora", rank, {0.8, 0.9}});
  builder.end(4, TrialState::kFailed, "x");
  builder.end(5, TrialState::kFailed, "x");
  builder.end(9, TrialState::kDiverged, "nan");
  const std::string text = pgfplots(builder.run, FigureKind::kRank);
  EXPECT_THAT(text, HasSubstr("{(1,85)(2,85)};"));
  EXPECT_THAT(text, HasSubstr("{(8,85)(16,80)};"));
  EXPECT_THAT(text, HasSubstr("{(16,80)};% seeds missing"));
}

TEST(PgfPlots, boxes_have_quartiles_and_pareto_its_front) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.80, 0.82, 0.84, 0.86, 0.90}, "tweets", 0.003, 1000});
  builder.add({"lora", 8, {0.90, 0.90}, "tweets", 0.003, 2000});
  EXPECT_THAT(pgfplots(builder.run, FigureKind::kBox),
              HasSubstr("lower whisker=80,lower quartile=82,median=84,upper quartile=86,upper "
                        "whisker=90}"));
  const std::string pareto = pgfplots(builder.run, FigureKind::kPareto);
  EXPECT_THAT(pareto, HasSubstr("{(1000,84.4)(2000,84.4)(2000,90)(2000,90)};"));
  EXPECT_THAT(pareto, HasSubstr("(1000,84.4) +- (0,3.84707681)"));
}

TEST(FigureKinds, nothing_to_show_is_said_with_what_is_missing) {
  RunBuilder builder;
  builder.add({"lora", 4, {0.9}});
  const auto ranking =
      figure_bytes(builder.run, FigureKind::kCriticalDifference, FigureFormat::kSvg, 0.0);
  ASSERT_FALSE(ranking.ok());
  EXPECT_THAT(ranking.error().message, HasSubstr("at least two tasks"));
  const auto curve = figure_bytes(builder.run, FigureKind::kCurves, FigureFormat::kSvg, 0.0);
  ASSERT_FALSE(curve.ok());
  EXPECT_THAT(curve.error().message, HasSubstr("on the way"));
}

TEST(FigureKinds, widths_are_columns_or_points) {
  EXPECT_EQ(*figure_width("one"), 252.0);
  EXPECT_EQ(*figure_width("two"), 504.0);
  EXPECT_EQ(*figure_width("300.5"), 300.5);
  EXPECT_EQ(*figure_width("0"), 0.0);
  for (const char* wrong : {"", "three", "100", "3000", "300pt", "nan", "-1"})
    EXPECT_FALSE(figure_width(wrong).ok()) << wrong;
}

}  // namespace
}  // namespace plateau::results
