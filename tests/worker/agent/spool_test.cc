#include "worker/agent/spool.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.h"
#include "tests/worker/agent/agent_driver.h"

namespace plateau::agent {
namespace {

class SpoolTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("spool-" + std::to_string(::getpid()) + "-" +
               testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Spool open() {
    Result<Spool> spool = Spool::open(folder_);
    PLATEAU_CHECK(spool.ok(), "the spool opens");
    return std::move(spool).value();
  }
  // Sequence 1 is acknowledged; 2 and a result are not.
  void fill(Spool& spool) {
    ASSERT_TRUE(spool.begin(SessionId{77}));
    ASSERT_TRUE(spool.keep(Report{1, ref(1), StartedReport{{0}, 0, 100}}));
    ASSERT_TRUE(spool.keep(Report{2, ref(1), MetricReport{5, "train", "loss", 0.25}}));
    ASSERT_TRUE(spool.keep(KeepResult{ref(1), {"{\"a\":1}", {file("metrics.jsonl", 10)}}}));
    ASSERT_TRUE(spool.sync());
    ASSERT_TRUE(spool.forget(1));
  }
  std::filesystem::path path() const { return folder_ / "reports.spool"; }

  std::filesystem::path folder_;
};

void expect_filled(const std::optional<SpoolContents>& contents) {
  ASSERT_TRUE(contents.has_value());
  EXPECT_EQ(contents->session, SessionId{77});
  EXPECT_EQ(contents->restored.first_sequence, 2u);
  ASSERT_EQ(contents->restored.under_way.size(), 1u);
  EXPECT_EQ(std::get<MetricReport>(contents->restored.under_way[0].body).value, 0.25);
  ASSERT_EQ(contents->restored.results.size(), 1u);
  EXPECT_EQ(contents->restored.results[0].result.result_json, "{\"a\":1}");
  EXPECT_EQ(contents->restored.results[0].result.artifacts[0], file("metrics.jsonl", 10));
}

TEST_F(SpoolTest, an_empty_folder_has_nothing) {
  EXPECT_FALSE(open().contents().has_value());
}

TEST_F(SpoolTest, what_was_kept_is_there_after_a_restart) {
  {
    Spool spool = open();
    fill(spool);
  }
  expect_filled(open().contents());
}

TEST_F(SpoolTest, reports_without_a_result_are_not_worth_a_session) {
  {
    Spool spool = open();
    fill(spool);
    ASSERT_TRUE(spool.release(ref(1)));
  }
  EXPECT_FALSE(open().contents().has_value());
}

// Wherever a crash tore the file, what was whole before is read, and what comes after is appended
// where it can be read.
TEST_F(SpoolTest, a_torn_tail_of_any_length_is_cut) {
  std::uintmax_t whole = 0;
  std::string bytes;
  {
    Spool spool = open();
    fill(spool);
    whole = std::filesystem::file_size(path());
    ASSERT_TRUE(spool.keep(Report{3, ref(1), MetricReport{6, "train", "loss", 0.125}}));
    bytes = *read_file(path());
  }
  for (std::uintmax_t size = whole; size < bytes.size(); ++size) {
    std::ofstream(path(), std::ios::binary) << bytes.substr(0, size);
    {
      Spool spool = open();
      EXPECT_EQ(spool.torn_bytes(), size - whole);
      expect_filled(spool.contents());
      ASSERT_TRUE(spool.keep(Report{3, ref(1), MetricReport{7, "train", "loss", 0.5}}));
    }
    const auto contents = open().contents();
    ASSERT_TRUE(contents.has_value());
    EXPECT_EQ(contents->restored.under_way.size(), 2u);
  }
}

TEST_F(SpoolTest, a_flipped_bit_ends_what_is_believed) {
  std::uintmax_t whole = 0;
  {
    Spool spool = open();
    fill(spool);
    whole = std::filesystem::file_size(path());
    ASSERT_TRUE(spool.keep(Report{3, ref(1), MetricReport{6, "train", "loss", 0.125}}));
  }
  std::string bytes = *read_file(path());
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
  std::ofstream(path(), std::ios::binary) << bytes;
  Spool spool = open();
  EXPECT_EQ(spool.torn_bytes(), bytes.size() - whole);
  expect_filled(spool.contents());
}

TEST_F(SpoolTest, a_foreign_file_is_no_spool) {
  ASSERT_TRUE(make_folder(folder_));
  std::ofstream(path()) << "something else entirely, longer than a header of a record";
  Spool spool = open();
  EXPECT_FALSE(spool.contents().has_value());
  EXPECT_GT(spool.torn_bytes(), 0u);
}

TEST_F(SpoolTest, it_does_not_grow_with_what_was_acknowledged) {
  Spool spool = open();
  ASSERT_TRUE(spool.begin(SessionId{77}));
  const std::string text(1000, 'x');
  for (std::uint64_t sequence = 1; sequence <= 5000; ++sequence) {
    ASSERT_TRUE(spool.keep(Report{sequence, ref(1), HandedBackReport{text}}));
    ASSERT_TRUE(spool.forget(sequence));
  }
  EXPECT_LT(std::filesystem::file_size(path()), 2u << 20);
}

// A size limit stands in for a full disk: the kernel refuses the write in the same place.
// What the coordinator has acknowledged is on its disk: syncing ours would be for nothing.
TEST_F(SpoolTest, what_ends_an_attempt_asks_for_a_sync_until_it_is_acknowledged) {
  Spool spool = open();
  ASSERT_TRUE(spool.begin(SessionId{1}));
  ASSERT_TRUE(spool.keep(Report{1, ref(1), StartedReport{{0}, 0, 100}}));
  EXPECT_FALSE(spool.must_sync());
  ASSERT_TRUE(spool.keep(KeepResult{ref(1), {"{}", {}}}));
  EXPECT_TRUE(spool.must_sync());
  ASSERT_TRUE(spool.sync());
  EXPECT_FALSE(spool.must_sync());
  ASSERT_TRUE(spool.keep(Report{2, ref(1), FinishedReport{"{}", {}}}));
  EXPECT_TRUE(spool.must_sync());
  ASSERT_TRUE(spool.forget(2));
  EXPECT_TRUE(spool.must_sync()) << "the result itself is still kept";
  ASSERT_TRUE(spool.release(ref(1)));
  EXPECT_FALSE(spool.must_sync());
}

TEST_F(SpoolTest, a_disk_that_takes_no_more_is_an_error_and_loses_nothing_kept_before) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    Spool spool = open();
    fill(spool);
    const rlimit limit{std::filesystem::file_size(path()) + 10, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const Status kept = spool.keep(Report{3, ref(1), MetricReport{6, "train", "loss", 0.125}});
    ::_exit(!kept && kept.error().kind == ErrorKind::kIo ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  Spool spool = open();
  EXPECT_EQ(spool.torn_bytes(), 0u) << "the half record was taken back";
  expect_filled(spool.contents());
}

// Without is_behind_ the file has a hole after the disk was full, and all of it is thrown away.
TEST_F(SpoolTest, what_a_full_disk_did_not_take_is_written_when_there_is_room) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    Spool spool = open();
    fill(spool);
    rlimit limit{std::filesystem::file_size(path()) + 10, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const bool refused = !spool.keep(Report{3, ref(1), MetricReport{6, "train", "loss", 0.125}}) &&
                         !spool.keep(Report{4, ref(1), FinishedReport{"{}", {}}}) && !spool.sync();
    limit.rlim_cur = RLIM_INFINITY;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const bool taken = spool.keep(Report{5, ref(2), StartedReport{{0}, 0, 100}}).ok();
    ::_exit(refused && taken ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  const std::optional<SpoolContents> contents = open().contents();
  ASSERT_TRUE(contents.has_value());
  ASSERT_EQ(contents->restored.under_way.size(), 4u);
  EXPECT_EQ(contents->restored.under_way.front().sequence, 2u);
  EXPECT_EQ(contents->restored.under_way.back().sequence, 5u);
}

}  // namespace
}  // namespace plateau::agent
