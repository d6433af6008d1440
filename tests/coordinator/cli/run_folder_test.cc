#include "coordinator/cli/run_folder.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/coordinator/store/trials.h"

namespace plateau::cli {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

TEST(OpenRunFolder, makes_locks_and_says_who_has_it) {
  const TemporaryFolder runs;
  const Result<RunFolder> first = open_run_folder(runs.path(), "quick");
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(fs::is_directory(first->path / "trials"));
  EXPECT_EQ(coordinator_pid(first->path), getpid());
  const Result<RunFolder> second = open_run_folder(runs.path(), "quick");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kBusy);
  EXPECT_THAT(second.error().message, HasSubstr(std::to_string(getpid())));
  EXPECT_THAT(second.error().message, HasSubstr("--name"));
}

TEST(OpenRunFolder, is_free_again_when_its_holder_is_gone) {
  const TemporaryFolder runs;
  { ASSERT_TRUE(open_run_folder(runs.path(), "quick")); }
  EXPECT_TRUE(open_run_folder(runs.path(), "quick"));
}

TEST(CheckRunName, what_is_no_folder_is_refused) {
  for (const char* name : {"quickstart", "Rank_1.5-x", "1"})
    EXPECT_TRUE(check_run_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("../x"), std::string("a/b"), std::string(".hidden"),
        std::string("-x"), std::string("a b"), std::string(101, 'x')}) {
    EXPECT_FALSE(check_run_name(name)) << name;
  }
}

TEST(FindRun, takes_a_name_or_a_path_and_suggests_near_ones) {
  const TemporaryFolder runs;
  fs::create_directories(runs.path() / "quickstart");
  std::ofstream(runs.path() / "quickstart" / "plateau.db") << "x";
  EXPECT_EQ(*find_run("quickstart", runs.path()), runs.path() / "quickstart");
  EXPECT_EQ(*find_run((runs.path() / "quickstart").string(), "elsewhere"),
            runs.path() / "quickstart");
  const Result<fs::path> near = find_run("quickstat", runs.path());
  ASSERT_FALSE(near);
  EXPECT_EQ(near.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(near.error().message, HasSubstr("Did you mean 'quickstart'?"));
  EXPECT_THAT(find_run("x", runs.path() / "none").error().message, HasSubstr("plateau run"));
}

TEST(CoordinatorPid, is_none_when_the_process_is_gone) {
  const TemporaryFolder run;
  EXPECT_FALSE(coordinator_pid(run.path()));
  std::ofstream(run.path() / "lock") << "4194305\n";  // Above the kernel's largest.
  EXPECT_FALSE(coordinator_pid(run.path()));
}

}  // namespace
}  // namespace plateau::cli
