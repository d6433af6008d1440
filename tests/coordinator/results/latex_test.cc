// The tables go through a real TeX: alone, and as a part of another document.
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.h"
#include "coordinator/results/figure/critical_difference_figure.h"
#include "coordinator/results/results.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

bool there_is_pdflatex() {
  return std::system(
             "command -v pdflatex >/dev/null && kpsewhich booktabs.sty siunitx.sty "
             ">/dev/null") == 0;
}

class Latex : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!there_is_pdflatex()) {
      GTEST_SKIP() << "no pdflatex with booktabs and siunitx here (Debian: "
                      "texlive-latex-recommended, texlive-science)";
    }
    folder_ = std::filesystem::temp_directory_path() /
              ("plateau-latex-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomically(folder_ / name, text));
  }
  // Compiles and fails the test with TeX's own words.
  void compile(const std::string& name) {
    const std::string command = "cd '" + folder_.string() +
                                "' && pdflatex -interaction=nonstopmode -halt-on-error " + name +
                                ".tex >out.txt 2>&1";
    const int status = std::system(command.c_str());
    const auto out = read_file(folder_ / "out.txt");
    EXPECT_EQ(status, 0) << (out ? *out : "");
    ASSERT_TRUE(std::filesystem::exists(folder_ / (name + ".pdf")));
  }

  std::filesystem::path folder_;
};

RunView run_with_hard_names() {
  RunBuilder builder;
  builder.run = quickstart_run();
  builder.run.name = "50% of {a_b} & #1 ~ ^ \\end{table} <x> | \"q\" 'r' `s` 漢 Zoë";
  builder.end(3, TrialState::kDiverged, "loss is nan, \\undefined $x$ and a\nnew line");
  builder.add({"lora", 4, {0.2, 0.3}, "[task] & *name*"});
  return builder.run;
}

TEST_F(Latex, compiles_alone) {
  write("alone.tex", latex(build_table(summarise(quickstart_run()))));
  compile("alone");
  // Nothing sticks out of the page.
  EXPECT_EQ(read_file(folder_ / "out.txt")->find("Overfull"), std::string::npos);
}

TEST_F(Latex, compiles_with_input) {
  write("table.tex", latex(build_table(summarise(quickstart_run()))));
  write("paper.tex",
        "\\documentclass[twocolumn]{article}\n\\usepackage{booktabs,siunitx}\n\\begin{document}\n"
        "Before.\n\\input{table}\n\\input{table.tex}\nAfter.\n\\end{document}\n");
  compile("paper");
}

TEST_F(Latex, several_tables_in_one_document) {
  const Summary summary = summarise(quickstart_run());
  TableSpec by_rank;
  by_rank.columns = {"rank"};
  by_rank.aggregate = Aggregate::kBootstrap;
  by_rank.where = {};
  const auto second = build_table(summary, by_rank);
  ASSERT_TRUE(second.ok()) << second.error().message;
  write("both.tex", latex({build_table(summary), *second}));
  compile("both");
}

TEST_F(Latex, compiles_with_input_without_booktabs_and_siunitx) {
  write("table.tex", latex(build_table(summarise(quickstart_run()))));
  write("plain.tex",
        "\\documentclass{article}\n\\begin{document}\n\\input{table}\n\\end{document}\n");
  compile("plain");
}

// Five seeds make boxes, a diverged one a gap or a hollow marker, "curve" lines over steps.
RunView run_for_figures() {
  RunBuilder builder;
  builder.run = run_with_hard_names();
  for (std::int64_t rank : {1, 2, 4})
    builder.add({"loreft", rank, {0.80, 0.82, 0.81, 0.84, 0.83}, "sst2", 0.003, 9000 * rank});
  for (TrialRow& row : builder.run.trials)
    row.curve = {{"validation", row.trial.task->metric, 100, 0.5},
                 {"validation", row.trial.task->metric, 200, 0.8}};
  return builder.run;
}

TEST_F(Latex, figures_of_every_kind_compile_as_tikz) {
  if (std::system("kpsewhich tikz.sty >/dev/null") != 0) {
    GTEST_SKIP() << "no TikZ here (Debian: texlive-pictures)";
  }
  const RunView run = run_for_figures();
  std::string body;
  for (const auto& [name, kind] : figure_kinds()) {
    if (kind == FigureKind::kCriticalDifference) continue;  // one adapter alone has both tasks
    const auto figure = figure_bytes(run, kind, FigureFormat::kTikz, 252.0);
    ASSERT_TRUE(figure.ok()) << figure.error().message;
    write(name + ".tex", *figure);
    body += "\\input{" + name + "}\n\n";
  }
  const Ranking ranking{
      {"LoRA_1", "50% & #DoRA"}, {1.2, 1.8}, 12, 0.001, {{"LoRA_1", "50% & #DoRA"}}};
  write("critical.tex", to_tikz(critical_difference_figure(ranking, run.name, {252.0})));
  write("figures.tex",
        "\\documentclass[twocolumn]{article}\n\\usepackage{tikz}\n\\begin{document}\n" + body +
            "\\input{critical}\n\\end{document}\n");
  compile("figures");
}

TEST_F(Latex, plots_compile_as_axes_that_a_paper_can_restyle) {
  if (std::system("kpsewhich pgfplots.sty >/dev/null") != 0) {
    GTEST_SKIP() << "no PGFPlots here (Debian: texlive-pictures)";
  }
  const RunView run = run_for_figures();
  std::string body;
  for (const char* width : {"one", "two"}) {
    for (const auto& [name, kind] : figure_kinds()) {
      if (kind == FigureKind::kCriticalDifference) continue;
      const auto figure = figure_bytes(run, kind, FigureFormat::kPgfPlots, *figure_width(width));
      ASSERT_TRUE(figure.ok()) << figure.error().message;
      const bool is_plot = kind != FigureKind::kHeatmap;
      EXPECT_EQ(figure->find("\\begin{axis}") != std::string::npos, is_plot) << name;
      EXPECT_EQ(figure->find("plateau curve 1/.style") != std::string::npos, is_plot) << name;
      write(name + "-" + width + ".tex", *figure);
      body += "\\input{" + name + "-" + width + "}\n\n";
    }
  }
  write("plots.tex",
        "\\documentclass{article}\n\\usepackage{pgfplots}\n\\usepgfplotslibrary{statistics}\n"
        "\\pgfplotsset{compat=1.16}\n\\begin{document}\n" +
            body + "\\end{document}\n");
  compile("plots");
  const auto log = read_file(folder_ / "out.txt");
  EXPECT_EQ(log->find("Package pgfplots Warning"), std::string::npos) << *log;
}

TEST_F(Latex, hard_names_compile) {
  write("hard.tex", latex(build_table(summarise(run_with_hard_names()))));
  compile("hard");
}

TEST_F(Latex, hard_names_compile_without_the_fonts_of_the_standalone_form) {
  write("table.tex", latex(build_table(summarise(run_with_hard_names()))));
  write("old.tex",
        "\\documentclass{article}\n\\begin{document}\n\\input{table}\n\\end{document}\n");
  compile("old");
}

}  // namespace
}  // namespace plateau::results
