#include "common/base/file.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace plateau {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FileTest : public testing::Test {
 protected:
  FileTest() {
    std::string name = (fs::temp_directory_path() / "plateau-file-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~FileTest() override { fs::remove_all(folder_); }

  std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  fs::path folder_;
};

TEST_F(FileTest, write_readsBackEveryByteAndLeavesNoTemporaryFile) {
  const std::string bytes("a\0b\r\n\xff", 6);
  ASSERT_TRUE(write_file_atomically(folder_ / "x", bytes));
  ASSERT_TRUE(write_file_atomically(folder_ / "x", bytes + "2"));
  EXPECT_EQ(read_file(folder_ / "x").value(), bytes + "2");
  EXPECT_EQ(files(), 1);
}

TEST_F(FileTest, write_failedRename_keepsWhatWasThere) {
  ASSERT_TRUE(make_folder(folder_ / "target" / "in it"));
  const Status written = write_file_atomically(folder_ / "target", "new");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::kIo);
  EXPECT_TRUE(fs::is_directory(folder_ / "target" / "in it"));
  EXPECT_EQ(files(), 1);
}

// A file size limit stands in for the full disk: the write fails half-way, as on ENOSPC.
TEST_F(FileTest, write_failedHalfWay_keepsTheOldFileAndNoHalf) {
  ASSERT_TRUE(write_file_atomically(folder_ / "x", "old"));
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(3);
    const Status written = write_file_atomically(folder_ / "x", std::string(5000, 'n'));
    ::_exit(!written && written.error().kind == ErrorKind::kIo ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(read_file(folder_ / "x").value(), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(FileTest, read_missing_isNotFoundAndNamesThePath) {
  const Result<std::string> bytes = read_file(folder_ / "absent");
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(bytes.error().message, HasSubstr("absent failed: No such file"));
}

TEST_F(FileTest, read_folder_isAnError) {
  EXPECT_FALSE(read_file(folder_));
}

TEST_F(FileTest, makeFolder_parentIsAFile_namesTheFolder) {
  ASSERT_TRUE(write_file_atomically(folder_ / "x", ""));
  const Status made = make_folder(folder_ / "x" / "y");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("/x/y"));
}

TEST_F(FileTest, lock_heldOnce_andFreedByItsOwner) {
  {
    const Result<FileLock> first = FileLock::acquire(folder_ / "lock", "run folder r");
    ASSERT_TRUE(first);
    const Result<FileLock> second = FileLock::acquire(folder_ / "lock", "run folder r");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::kBusy);
    EXPECT_THAT(second.error().message, HasSubstr("run folder r is in use by another process"));
  }
  EXPECT_TRUE(FileLock::acquire(folder_ / "lock", "run folder r"));
}

TEST_F(FileTest, lock_freedWhenItsProcessIsKilled) {
  std::fflush(nullptr);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const Result<FileLock> held = FileLock::acquire(folder_ / "lock", "it");
    const char answer = held ? 'y' : 'n';
    if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
    ::pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_FALSE(FileLock::acquire(folder_ / "lock", "it"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::acquire(folder_ / "lock", "it"));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace plateau
