#include "coordinator/results/escape.h"

#include <gtest/gtest.h>

#include "coordinator/results/metric.h"

namespace plateau::results {
namespace {

TEST(Escape, one_line_drops_what_moves_a_terminal_or_hides_text) {
  EXPECT_EQ(one_line("a\nb\t c\r\n"), "a b c");
  EXPECT_EQ(one_line("\x1b[31mred\x1b[0m"), "[31mred[0m");
  EXPECT_EQ(one_line("abc\xE2\x80\xAE"
                     "txt"),
            "abctxt");  // a right-to-left override
  EXPECT_EQ(one_line("x\xff"
                     "y"),
            "x\xEF\xBF\xBDy");
  EXPECT_EQ(one_line("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  EXPECT_EQ(one_line("naïve 漢"), "naïve 漢");
}

TEST(Escape, markdown_has_no_markup_left) {
  EXPECT_EQ(escape_markdown("a|b_c*d`e"), "a\\|b\\_c\\*d\\`e");
  EXPECT_EQ(escape_markdown("<img src=x>&"), "&lt;img src=x&gt;&amp;");
  EXPECT_EQ(escape_markdown("x\n| y |"), "x \\| y \\|");
  EXPECT_EQ(escape_markdown("[a](b)"), "\\[a\\](b)");
}

TEST(Escape, latex_specials_and_symbols) {
  EXPECT_EQ(escape_latex("50% & $x_1^2 #~{}"),
            "50\\% \\& \\$x\\_1\\textasciicircum{}2 \\#\\textasciitilde{}\\{\\}");
  EXPECT_EQ(escape_latex("\\input{/etc/passwd}"), "\\textbackslash{}input\\{/etc/passwd\\}");
  EXPECT_EQ(escape_latex("a ± b – c ↑"), "a $\\pm$ b -- c $\\uparrow$");
  EXPECT_EQ(escape_latex("Zoë 漢"), "Zoë [U+6F22]");
  EXPECT_EQ(escape_latex("[1]"), "{}[1]");  // never an argument of the row before
  EXPECT_EQ(escape_latex("\"a\""), "''a''");
}

TEST(Escape, xml_text_and_attributes) {
  EXPECT_EQ(escape_xml("<b>\"x\" & 'y'</b>"), "&lt;b&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/b&gt;");
  EXPECT_EQ(escape_xml(std::string("a\0b", 3)), "ab");
}

TEST(Escape, csv_quotes_only_what_must_be) {
  EXPECT_EQ(csv_field("plain text"), "plain text");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv_field("two\nlines"), "\"two\nlines\"");
}

TEST(Escape, width_on_a_terminal) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("± –"), 3u);
  EXPECT_EQ(display_width("漢字"), 4u);
}

TEST(Metric, numbers_as_printed) {
  EXPECT_EQ(format_fixed(87.25, 1), "87.2");  // ties to even, as C does
  EXPECT_EQ(format_fixed(-0.04, 1), "0.0");
  EXPECT_EQ(format_fixed(-0.06, 1), "-0.1");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(-1000), "-1,000");
  EXPECT_EQ(format_rate(0.003), "3e-3");
  EXPECT_EQ(format_rate(0.00025), "2.5e-4");
  EXPECT_EQ(format_rate(0.1), "1e-1");
  EXPECT_EQ(format_rate(1.0), "1");
}

TEST(Metric, direction_and_unit_follow_the_name) {
  EXPECT_EQ(metric_header(metric_style("accuracy")), "accuracy (%) ↑");
  EXPECT_EQ(metric_header(metric_style("matthews")), "matthews (×100) ↑");
  EXPECT_EQ(metric_header(metric_style("eval_loss")), "eval_loss ↓");
  EXPECT_EQ(metric_header(metric_style("perplexity")), "perplexity ↓");
}

}  // namespace
}  // namespace plateau::results
