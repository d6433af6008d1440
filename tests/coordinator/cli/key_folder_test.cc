#include "coordinator/cli/key_folder.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/base/check.h"

namespace plateau::cli {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class KeyFolder : public ::testing::Test {
 protected:
  KeyFolder() {
    std::string folder = fs::temp_directory_path() / "plateau-key-folder-XXXXXX";
    PLATEAU_CHECK(mkdtemp(folder.data()) != nullptr, "mkdtemp failed");
    folder_ = fs::path(folder) / "keys";
  }
  ~KeyFolder() override {
    std::error_code ignored;
    fs::remove_all(folder_.parent_path(), ignored);
  }
  mode_t mode(const std::string& name) const {
    struct stat info {};
    PLATEAU_CHECK(stat((folder_ / name).c_str(), &info) == 0, "stat failed");
    return info.st_mode & 0777U;
  }
  WorkerList listed() const {
    const Result<WorkerList> list = read_worker_list(folder_ / "workers");
    PLATEAU_CHECK(list.ok(), list.ok() ? "" : list.error().message);
    return *list;
  }

  fs::path folder_;
};

TEST_F(KeyFolder, new_keys_fit_together_and_are_for_their_owner_alone) {
  ASSERT_TRUE(make_keys(folder_));
  EXPECT_EQ(mode(""), 0700U);
  EXPECT_EQ(mode("coordinator.key"), 0600U);
  EXPECT_EQ(mode("worker.key"), 0600U);
  const Result<WorkerKeys> worker = read_worker_keys(folder_ / "worker.key");
  ASSERT_TRUE(worker) << worker.error().message;
  EXPECT_EQ(worker->coordinator, read_coordinator_keys(folder_ / "coordinator.key")->public_key);
  EXPECT_EQ(listed(), (WorkerList{{worker->own.public_key, "worker"}}));
}

TEST_F(KeyFolder, keys_that_are_there_are_left_alone) {
  ASSERT_TRUE(make_keys(folder_));
  const WorkerList before = listed();
  EXPECT_EQ(make_keys(folder_).error().kind, ErrorKind::kBusy);
  EXPECT_EQ(add_worker(folder_, "worker").error().kind, ErrorKind::kBusy);
  EXPECT_FALSE(add_worker(folder_, "coordinator"));
  EXPECT_EQ(listed(), before);
}

TEST_F(KeyFolder, workers_come_and_go) {
  ASSERT_TRUE(make_keys(folder_));
  const Result<fs::path> file = add_worker(folder_, "node-7");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(listed().at(read_worker_keys(*file)->own.public_key), "node-7");
  ASSERT_TRUE(remove_worker(folder_, "worker"));
  EXPECT_EQ(listed().size(), 1U);
  EXPECT_FALSE(fs::exists(folder_ / "worker.key"));
  EXPECT_THAT(remove_worker(folder_, "worker").error().message, HasSubstr("node-7"));
  EXPECT_FALSE(add_worker(folder_, "../escaped"));
}

TEST_F(KeyFolder, a_coordinator_that_others_can_reach_needs_keys) {
  for (const char* address : {"tcp://*:7077", "tcp://0.0.0.0:1", "tcp://host:1"}) {
    const auto none = choose_security(address, folder_, /*insecure=*/false);
    ASSERT_FALSE(none) << address;
    EXPECT_THAT(none.error().message, HasSubstr("plateau keys new"));
    EXPECT_THAT(none.error().message, HasSubstr("--insecure"));
    EXPECT_FALSE(choose_security(address, std::nullopt, /*insecure=*/false)) << "no keys/ here";
    EXPECT_FALSE(choose_security(address, std::nullopt, /*insecure=*/true)->has_value());
  }
  EXPECT_FALSE(choose_security("tcp://127.0.0.1:1", std::nullopt, false)->has_value());
  EXPECT_FALSE(choose_security("tcp://*:1", folder_, /*insecure=*/true)) << "a contradiction";
  ASSERT_TRUE(make_keys(folder_));
  EXPECT_TRUE(choose_security("tcp://*:1", folder_, false)->has_value());
  // Asked for, they are used on this host too.
  EXPECT_TRUE(choose_security("tcp://127.0.0.1:1", folder_, false)->has_value());
  ASSERT_EQ(chmod((folder_ / "coordinator.key").c_str(), 0644), 0);
  EXPECT_THAT(choose_security("tcp://*:1", folder_, false).error().message, HasSubstr("chmod 600"));
}

}  // namespace
}  // namespace plateau::cli
