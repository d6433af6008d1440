// The page: everything on it, nothing loaded, no name that becomes markup.
#include <regex>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/results/escape.h"
#include "coordinator/results/html.h"
#include "coordinator/results/results.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSubsetOf;
using ::testing::Not;

std::string page_of(const RunView& run, std::optional<PlateauRequest> plateau = {}) {
  const auto page = report_html(run, plateau);
  EXPECT_TRUE(page.ok()) << page.error().message;
  return page ? *page : "";
}

constexpr char kAttack[] = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\"'&";

RunView attacked_run() {
  RunBuilder builder;
  builder.run = quickstart_run();
  builder.run.name = kAttack;
  builder.run.program_version = kAttack;
  builder.run.sweep_yaml = std::string("name: ") + kAttack + "\n  indented:  two\n";
  for (TrialRow& row : builder.run.trials) {
    row.device_name = row.torch_version = kAttack;
    change(row, [](Trial& trial) {
      trial.base.name = trial.task.name = kAttack;
      trial.task.metric = "accuracy";
    });
    row.notes = {kAttack};
  }
  builder.refresh_keys();
  builder.end(2, TrialState::kFailed, kAttack);
  return builder.run;
}

TEST(Report, no_name_becomes_markup) {
  const std::string page = page_of(attacked_run(), PlateauRequest{0.5});
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img src=x")));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
  const std::regex tag("<(/?[a-zA-Z!][a-zA-Z0-9]*)");
  std::set<std::string> tags;
  for (auto at = std::sregex_iterator(page.begin(), page.end(), tag); at != std::sregex_iterator();
       ++at)
    tags.insert((*at)[1]);
  EXPECT_THAT(tags,
              IsSubsetOf({"!DOCTYPE", "html",    "/html",    "head",  "/head",  "meta",  "title",
                          "/title",   "style",   "/style",   "body",  "/body",  "h1",    "/h1",
                          "h2",       "/h2",     "p",        "/p",    "div",    "/div",  "table",
                          "/table",   "caption", "/caption", "thead", "/thead", "tbody", "/tbody",
                          "tr",       "/tr",     "th",       "/th",   "td",     "/td",   "strong",
                          "/strong",  "span",    "/span",    "ul",    "/ul",    "li",    "/li",
                          "figure",   "/figure", "img",      "pre",   "/pre"}));
  EXPECT_EQ(page.find("</pre>"), page.rfind("</pre>"));
  EXPECT_FALSE(std::regex_search(page, std::regex("&(?!amp;|lt;|gt;|quot;|#39;)")));
}

TEST(Report, loads_nothing) {
  const std::string page = page_of(quickstart_run());
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
  const std::regex loads("(src|href)=\"([^\"]{0,26})");
  for (auto at = std::sregex_iterator(page.begin(), page.end(), loads);
       at != std::sregex_iterator(); ++at)
    EXPECT_EQ((*at)[2], "data:image/svg+xml;base64,");
  EXPECT_THAT(page, Not(HasSubstr("url(")));
}

TEST(Report, holds_tables_figures_statistics_versions_and_the_sweep_file) {
  RunView run = quickstart_run();
  run.sweep_yaml = "name: quickstart\nadapters:\n  - method:  lora\n";
  run.trials[3].state = TrialState::kDiverged;
  run.trials[3].reason = "loss is nan at step 7";
  run.trials[3].metrics.clear();
  const std::string page = page_of(run, PlateauRequest{0.5});
  for (const char* part :
       {"<strong>", "class=\"second\"", "Metric against rank: quickstart", "Win/tie/loss", "Pareto",
        "margin", "loss is nan at step 7", "AMD EPYC", "0.1.0", "LibTorch", "2.11.0",
        "Run quickstart", "\nadapters:\n  - method:  lora\n", "at least two tasks"})
    EXPECT_THAT(page, HasSubstr(part)) << part;
  EXPECT_THAT(page, HasSubstr(std::string(64, 'b')));
  EXPECT_EQ(page, page_of(run, PlateauRequest{0.5}));
}

TEST(Report, the_plateau_test_waits_for_a_margin) {
  EXPECT_THAT(page_of(quickstart_run()), HasSubstr("needs a margin that was stated before"));
  EXPECT_FALSE(report_html(quickstart_run(), PlateauRequest{-1.0}).ok());
}

TEST(Report, an_empty_run_still_has_a_page) {
  RunView run;
  run.name = "empty";
  EXPECT_THAT(page_of(run), HasSubstr("0 trials"));
}

TEST(Base64, test_vectors_of_rfc_4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe"), "//4=");
}

TEST(Escape, lines_keep_their_spaces_and_lose_what_hides) {
  EXPECT_EQ(escape_xml_lines("a:\n  b\t<c>  &\"'\x1b\xe2\x80\xae!"),
            "a:\n  b\t&lt;c&gt;  &amp;&quot;&#39;!");
}

}  // namespace
}  // namespace plateau::results
