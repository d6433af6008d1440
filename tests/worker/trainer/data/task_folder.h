// A folder of data files for one test, and a task that reads it.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/spec/trial.h"

namespace plateau::trainer {

class TaskFolder : public testing::Test {
 protected:
  void SetUp() override {
    const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) / "plateau_data" / test->test_suite_name() /
              test->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    task_.name = "demo";
    task_.path = folder_.string();
    task_.reader = "jsonl";
    task_.labels = {"no", "yes"};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    ASSERT_TRUE(write_file_atomically(folder_ / name, text));
  }
  // `count` different rows of two classes, two to one.
  static std::string rows(int count, const std::string& word) {
    std::string text;
    for (int i = 0; i < count; ++i) {
      text += R"({"sentence":")" + word + " " + std::to_string(i) + R"(","label":)" +
              (i % 3 == 0 ? "1" : "0") + "}\n";
    }
    return text;
  }

  std::filesystem::path folder_;
  TaskSpec task_;
};

}  // namespace plateau::trainer
