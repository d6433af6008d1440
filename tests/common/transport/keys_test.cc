#include "common/transport/keys.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/file.h"
#include "common/transport/address.h"
#include "common/transport/handshake_watch.h"
#include "common/transport/refusal_log.h"

namespace plateau {
namespace {

using ::testing::HasSubstr;

std::filesystem::path temporary_folder() {
  std::string folder = std::filesystem::temp_directory_path() / "plateau-keys-XXXXXX";
  PLATEAU_CHECK(mkdtemp(folder.data()) != nullptr, "mkdtemp failed");
  return folder;
}

mode_t mode_of(const std::filesystem::path& file) {
  struct stat info {};
  PLATEAU_CHECK(stat(file.c_str(), &info) == 0, "stat failed");
  return info.st_mode & 0777U;
}

void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file) << text;
  PLATEAU_CHECK(chmod(file.c_str(), 0600) == 0, "chmod failed");
}

TEST(Keys, a_worker_reads_back_what_was_written_and_only_its_owner_can) {
  const std::filesystem::path file = temporary_folder() / "worker.key";
  const Result<KeyPair> own = draw_key_pair();
  const Result<KeyPair> coordinator = draw_key_pair();
  ASSERT_TRUE(own && coordinator);
  ASSERT_TRUE(write_worker_keys(file, {*own, coordinator->public_key}));
  EXPECT_EQ(mode_of(file), 0600U);
  const Result<WorkerKeys> read = read_worker_keys(file);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->own.public_key, own->public_key);
  EXPECT_EQ(read->own.secret_key, own->secret_key);
  EXPECT_EQ(read->coordinator, coordinator->public_key);
}

TEST(Keys, no_two_pairs_are_the_same) {
  EXPECT_NE(draw_key_pair()->secret_key, draw_key_pair()->secret_key);
}

TEST(Keys, a_key_is_never_written_over_another) {
  const std::filesystem::path file = temporary_folder() / "coordinator.key";
  const Result<KeyPair> first = draw_key_pair();
  ASSERT_TRUE(write_coordinator_keys(file, *first));
  EXPECT_EQ(write_coordinator_keys(file, *draw_key_pair()).error().kind, ErrorKind::kBusy);
  EXPECT_EQ(read_coordinator_keys(file)->secret_key, first->secret_key);
}

// Tried: without guard_file() every mode is read.
TEST(Keys, a_file_that_others_may_use_is_refused_with_the_chmod_that_mends_it) {
  const std::filesystem::path file = temporary_folder() / "coordinator.key";
  ASSERT_TRUE(write_coordinator_keys(file, *draw_key_pair()));
  for (const mode_t mode : {0640U, 0604U, 0620U, 0666U}) {
    ASSERT_EQ(chmod(file.c_str(), mode), 0);
    const Result<KeyPair> read = read_coordinator_keys(file);
    ASSERT_FALSE(read) << mode;
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(read.error().message, HasSubstr("chmod 600 " + file.string()));
  }
  ASSERT_EQ(chmod(file.c_str(), 0400), 0);
  EXPECT_TRUE(read_coordinator_keys(file));
}

TEST(Keys, a_missing_damaged_or_mixed_up_file_says_so) {
  const std::filesystem::path folder = temporary_folder();
  EXPECT_EQ(read_worker_keys(folder / "none").error().kind, ErrorKind::kNotFound);
  const Result<KeyPair> own = draw_key_pair();
  // The coordinator's file in the place of a worker's.
  ASSERT_TRUE(write_coordinator_keys(folder / "coordinator.key", *own));
  EXPECT_THAT(read_worker_keys(folder / "coordinator.key").error().message,
              HasSubstr("no line 'coordinator KEY'"));
  const std::filesystem::path file = folder / "broken.key";
  for (const std::string& text :
       {std::string("public short\n"), "public " + own->public_key + " more\n",
        "public " + own->public_key + "\npublic " + own->public_key + "\n",
        "public " + std::string(40, '#') + "\n", std::string("public\n")}) {
    write_text(file, text);
    EXPECT_EQ(read_coordinator_keys(file).error().kind, ErrorKind::kCorrupt) << text;
    EXPECT_THAT(read_coordinator_keys(file).error().message, HasSubstr(file.string() + ":"));
  }
  write_text(file, "public " + draw_key_pair()->public_key + "\nsecret " + own->secret_key + "\n");
  EXPECT_THAT(read_coordinator_keys(file).error().message, HasSubstr("do not belong together"));
}

TEST(Keys, the_list_of_workers_may_be_read_by_others_but_not_written) {
  const std::filesystem::path file = temporary_folder() / "workers";
  const WorkerList workers{{draw_key_pair()->public_key, "one"},
                           {draw_key_pair()->public_key, "two.b"}};
  ASSERT_TRUE(write_worker_list(file, workers));
  ASSERT_EQ(chmod(file.c_str(), 0644), 0);
  EXPECT_EQ(*read_worker_list(file), workers);
  ASSERT_EQ(chmod(file.c_str(), 0664), 0);
  EXPECT_THAT(read_worker_list(file).error().message, HasSubstr("chmod go-w"));
}

TEST(Keys, a_worker_name_cannot_leave_its_folder) {
  for (const char* name : {"", ".hidden", "-x", "a/b", "..", "a b", "\n"}) {
    EXPECT_FALSE(check_worker_name(name)) << name;
  }
  EXPECT_TRUE(check_worker_name("gpu-07.cluster_a"));
}

TEST(Address, only_what_stays_on_this_host_needs_no_keys) {
  for (const char* address : {"ipc:///tmp/x/y", "tcp://127.0.0.1:5", "tcp://127.1.2.3:*",
                              "tcp://[::1]:5", "tcp://localhost:5"}) {
    EXPECT_TRUE(stays_on_this_host(address)) << address;
  }
  for (const char* address : {"tcp://*:5", "tcp://0.0.0.0:5", "tcp://10.0.0.1:5", "tcp://[::]:5",
                              "tcp://127.0.0.1.example.org:5", "tcp://localhost.example.org:5",
                              "tcp://12.7.0.1:5", "tcp://host:127", ""}) {
    EXPECT_FALSE(stays_on_this_host(address)) << address;
  }
}

TEST(RefusalLog, a_flood_makes_ten_lines_a_minute_and_is_counted) {
  RefusalLog log;
  int lines = 0;
  for (int i = 0; i < 1000; ++i)
    lines += log.add("refused", 5000 + i).has_value() ? 1 : 0;
  EXPECT_EQ(lines, RefusalLog::kLinesAMinute);
  EXPECT_THAT(log.add("refused", 70'000).value_or(""), HasSubstr("990 more"));
  EXPECT_EQ(log.add("refused", 70'001).value_or(""), "refused");
}

TEST(HandshakeWatch, gives_up_after_ten_seconds_of_nothing_but_refusals) {
  using End = HandshakeWatch::End;
  HandshakeWatch watch(/*have_keys=*/true);
  for (TimeMs now = 1000; now < 10'900; now += 100) {
    watch.add(End::kHungUp, now);
    EXPECT_FALSE(watch.verdict(now)) << now;
  }
  EXPECT_THAT(watch.verdict(11'000).value_or(""), HasSubstr("Copy worker.key anew"));
  watch.add(End::kNotListed, 11'000);
  EXPECT_THAT(watch.verdict(11'000).value_or(""), HasSubstr("plateau keys list"));
  watch.add(End::kSucceeded, 11'100);
  EXPECT_FALSE(watch.verdict(30'000));
}

// It closed before its answer was out; what it answered before says more than that.
TEST(HandshakeWatch, a_hang_up_after_an_answer_does_not_hide_the_answer) {
  HandshakeWatch watch(false);
  watch.add(HandshakeWatch::End::kMechanism, 0);
  watch.add(HandshakeWatch::End::kHungUp, 1'000);
  watch.add(HandshakeWatch::End::kHungUp, 11'000);
  EXPECT_THAT(watch.verdict(11'000).value_or(""), HasSubstr("wants a key"));
}

// A coordinator that is frozen or overloaded takes connections and says nothing: no verdict.
TEST(HandshakeWatch, silence_is_no_refusal) {
  HandshakeWatch watch(/*have_keys=*/true);
  for (TimeMs now = 0; now < 600'000; now += 5000)
    watch.add(HandshakeWatch::End::kTimedOut, now);
  EXPECT_FALSE(watch.verdict(600'000));
  HandshakeWatch once(/*have_keys=*/true);
  once.add(HandshakeWatch::End::kHungUp, 0);
  EXPECT_FALSE(once.verdict(600'000)) << "one may be a coordinator that was killed";
}

TEST(HandshakeWatch, advice_knows_which_end_has_keys) {
  for (const bool have_keys : {false, true}) {
    HandshakeWatch watch(have_keys);
    for (TimeMs now = 0; now <= 10'000; now += 1000)
      watch.add(HandshakeWatch::End::kMechanism, now);
    EXPECT_THAT(watch.verdict(10'000).value_or(""),
                HasSubstr(have_keys ? "runs without keys" : "wants a key"));
  }
}

}  // namespace
}  // namespace plateau
