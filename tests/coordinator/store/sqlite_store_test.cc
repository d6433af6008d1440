// What only the file on the disk can get wrong: other versions, damage, a full disk, a kill.
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/store/results_view.h"
#include "coordinator/store/schema.h"
#include "coordinator/store/sqlite.h"
#include "tests/coordinator/store/trials.h"

namespace plateau {
namespace {

constexpr TimeMs kNow = 1'700'000'000'000;

class SqliteStoreTest : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / kDatabaseName; }
  Result<std::unique_ptr<Store>> open() const {
    return open_store(folder_.path(), {"quickstart", "0.1.0"});
  }
  std::unique_ptr<Store> opened() const {
    auto store = open();
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  void execute(const char* sql) const {
    auto database = Database::open(file(), Database::Mode::kReadWrite);
    ASSERT_TRUE(database);
    const Status done = database->execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }

  TemporaryFolder folder_;
};

TEST_F(SqliteStoreTest, another_schema_version_is_refused_with_advice) {
  opened();
  execute("PRAGMA user_version = 999");
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kVersion);
  EXPECT_NE(refused.error().message.find("version 999"), std::string::npos);
  EXPECT_NE(refused.error().message.find("--name"), std::string::npos);
  EXPECT_EQ(read_run(folder_.path()).error().kind, ErrorKind::kVersion);
}

TEST_F(SqliteStoreTest, another_programs_database_is_refused) {
  execute("CREATE TABLE something (a)");
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(refused.error().message.find("not of a Plateau run"), std::string::npos);
}

TEST_F(SqliteStoreTest, what_is_no_database_is_refused) {
  std::ofstream(file()) << std::string(8192, 'x');
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCorrupt);
}

TEST_F(SqliteStoreTest, damage_inside_the_file_is_found_when_it_is_opened) {
  {
    auto store = opened();
    std::vector<NewTrial> trials;
    for (std::uint64_t seed = 0; seed < 1000; ++seed)
      trials.push_back(new_trial(4, seed));
    ASSERT_TRUE(store->put_sweep({"", "null"}, trials, kNow));
  }
  const auto size = std::filesystem::file_size(file());
  ASSERT_GT(size, 40u * 4096u);
  {
    std::fstream bytes(file(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(static_cast<std::streamoff>(size / 2 / 4096 * 4096));
    bytes << std::string(5 * 4096, '\xff');
  }
  const auto refused = open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kCorrupt);
}

TEST_F(SqliteStoreTest, a_missing_run_is_not_found) {
  EXPECT_EQ(read_run(folder_.path() / "nowhere").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(open_store(folder_.path() / "nowhere", {"x", "1"}).error().kind, ErrorKind::kIo);
}

TEST_F(SqliteStoreTest, a_locked_database_is_busy_and_nothing_is_lost) {
  auto impatient = open_store(folder_.path(), {"quickstart", "0.1.0", /*busy_timeout_ms=*/50});
  ASSERT_TRUE(impatient);
  auto store = std::move(*impatient);
  ASSERT_TRUE(store->put_sweep({"", "null"}, {new_trial(4, 0)}, kNow));
  auto other = Database::open(file(), Database::Mode::kReadWrite);
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
  const Status refused = store->commit(a_finished_trial(1), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kBusy);
  ASSERT_TRUE(other->execute("ROLLBACK"));
  EXPECT_TRUE(store->commit(a_finished_trial(1), kNow));
}

TEST_F(SqliteStoreTest, a_database_that_is_locked_for_a_moment_is_waited_for) {
  auto store = opened();
  ASSERT_TRUE(store->put_sweep({"", "null"}, {new_trial(4, 0)}, kNow));
  auto other = Database::open(file(), Database::Mode::kReadWrite);
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
  std::thread holder([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    EXPECT_TRUE(other->execute("ROLLBACK"));
  });
  EXPECT_TRUE(store->commit(a_finished_trial(1), kNow));
  holder.join();
}

// One disk sync for what was chosen and for its beginning.
TEST_F(SqliteStoreTest, a_proposal_is_seen_by_others_once_it_is_committed) {
  auto store = opened();
  ASSERT_TRUE(store->put_sweep({"", "null"}, {new_trial(4, 0)}, kNow));
  ASSERT_TRUE(store->put_proposal({"space", "[0.25]", "{}", ""}, {new_trial(8, 0)}, kNow));
  EXPECT_EQ(read_run(folder_.path())->trials.size(), 1u);
  ASSERT_TRUE(store->commit({}, kNow));
  EXPECT_EQ(read_run(folder_.path())->trials.size(), 2u);
  ASSERT_TRUE(store->put_proposal({"space", "[0.75]", "{}", ""}, {new_trial(16, 0)}, kNow));
  store.reset();
  store = opened();
  EXPECT_EQ(store->proposals()->size(), 1u);
  EXPECT_EQ(store->restore(kNow)->trials.size(), 2u);
}

// The disk is full: a limit on the size of any file stands in for it (SQLite sees EFBIG).
TEST_F(SqliteStoreTest, a_full_disk_refuses_the_batch_and_loses_no_finished_result) {
  auto store = opened();
  ASSERT_TRUE(store->put_sweep({"", "null"}, {new_trial(4, 0), new_trial(8, 0)}, kNow));
  ASSERT_TRUE(store->commit(a_finished_trial(1), kNow));

  ASSERT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = std::filesystem::file_size(file().string() + "-wal");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  std::vector<Record> batch = a_finished_trial(2);
  std::get<record::Result>(batch[5]).result_json = std::string(1 << 20, ' ');
  const Status refused = store->commit(batch, kNow);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kIo);
  EXPECT_NE(refused.error().message.find("full"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("nothing finished is lost"), std::string::npos);
  auto view = read_run(folder_.path());
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->trials[0].state, TrialState::kFinished);
  EXPECT_EQ(view->trials[1].state, TrialState::kQueued);
  // With space again, the very same batch goes through.
  const Status again = store->commit(batch, kNow);
  EXPECT_TRUE(again) << again.error().message;
  store.reset();
  store = opened();
  EXPECT_EQ(store->restore(kNow)->trials[1].status, TrialStatus::kFinished);
}

// The same with a file system that is really full; it is mounted where nobody else sees it.
int fill_a_small_disk(const std::filesystem::path& folder) {
  if (unshare(CLONE_NEWNS) != 0) return 77;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  if (mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=1m") != 0) return 77;
  auto store = open_store(folder, {"quickstart", "0.1.0"});
  if (!store) return 1;
  if (!(*store)->put_sweep({"", "null"}, {new_trial(4, 0), new_trial(8, 0)}, kNow)) return 2;
  if (!(*store)->commit(a_finished_trial(1), kNow)) return 3;
  std::vector<Record> batch = a_finished_trial(2);
  std::get<record::Result>(batch[5]).result_json = std::string(2 << 20, ' ');
  const Status refused = (*store)->commit(batch, kNow);
  if (refused || refused.error().kind != ErrorKind::kIo) return 4;
  if (refused.error().message.find("full") == std::string::npos) return 5;
  std::get<record::Result>(batch[5]).result_json = "{}";
  if (!(*store)->commit(batch, kNow)) return 6;
  auto view = read_run(folder);
  if (!view || view->trials[0].state != TrialState::kFinished) return 7;
  return view->trials[1].state == TrialState::kFinished ? 0 : 8;
}

TEST_F(SqliteStoreTest, a_really_full_disk_refuses_the_batch_and_goes_on_when_it_fits) {
  const pid_t child = fork();
  if (child == 0) _exit(fill_a_small_disk(folder_.path()));
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "mounting a small disk needs root";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// Between commit and speaking, and in the middle of a transaction: a process is killed while it
// commits as fast as it can. What it said was committed is there; each trial is whole or untouched.
TEST_F(SqliteStoreTest, after_kill_9_every_batch_is_there_or_not_at_all) {
  constexpr std::int64_t kTrials = 1000;
  {
    std::vector<NewTrial> trials;
    for (std::uint64_t seed = 0; seed < kTrials; ++seed)
      trials.push_back(new_trial(4, seed));
    ASSERT_TRUE(opened()->put_sweep({"", "null"}, trials, kNow));
  }
  for (int life = 0; life < 5; ++life) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      auto store = open_store(folder_.path(), {"quickstart", "0.1.0"});
      if (!store) _exit(1);
      auto restored = (*store)->restore(kNow);
      if (!restored) _exit(2);
      for (const RestoredTrial& trial : restored->trials) {
        if (trial.status == TrialStatus::kFinished) continue;
        const std::int64_t id = trial.facts.id.value;
        if (!(*store)->commit(a_finished_trial(id), kNow)) _exit(3);
        if (write(pipe_ends[1], &id, sizeof id) != sizeof id) _exit(4);
      }
      _exit(0);
    }
    close(pipe_ends[1]);
    std::int64_t last_said = 0;
    for (int i = 0; i < 50 + 37 * life; ++i) {
      if (read(pipe_ends[0], &last_said, sizeof last_said) != sizeof last_said) break;
    }
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
    std::int64_t id = 0;
    while (read(pipe_ends[0], &id, sizeof id) == sizeof id)
      last_said = id;
    close(pipe_ends[0]);

    auto view = read_run(folder_.path());
    ASSERT_TRUE(view) << view.error().message;
    for (const TrialRow& row : view->trials) {
      const bool is_finished = row.state == TrialState::kFinished;
      if (row.id.value <= last_said) {
        EXPECT_TRUE(is_finished) << row.id.value;
      }
      EXPECT_EQ(row.metrics.size(), is_finished ? 2u : 0u);
      EXPECT_EQ(row.attempts, is_finished ? 1 : 0);
      EXPECT_TRUE(is_finished || row.state == TrialState::kQueued);
    }
  }
}

}  // namespace
}  // namespace plateau
