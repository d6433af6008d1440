// Damage, other trials and housekeeping. That a resumed run equals an uninterrupted one is in the
// battery of the adapters, for each method.
#include "worker/trainer/checkpoint/checkpoint.h"

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/worker/trainer/support/tiny.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using testing::fresh_folder;
using testing::tiny_bert;
using testing::tiny_data;
using testing::tiny_member;
using testing::tiny_trial;

class Checkpoint : public ::testing::Test {
 protected:
  Checkpoint() : model_(tiny_bert()), folder_(fresh_folder("run")) {}

  std::unique_ptr<Member> make(std::uint64_t seed = 1) {
    return tiny_member(tiny_trial("loreft", 2, seed), model_, tiny_data());
  }

  // Checkpoints after each of `steps` steps; paths of those that are left, newest first.
  std::vector<std::filesystem::path> train_and_checkpoint(int steps) {
    auto member = make();
    Pack pack;
    pack.join(member.get());
    CheckpointInfo last;
    for (int i = 0; i < steps; ++i) {
      pack.step();
      const auto info = write_checkpoint(folder_, *member, {});
      EXPECT_TRUE(info) << info.error().message;
      last = *info;
    }
    return checkpoints_beside(last.path);
  }

  Status read(const std::filesystem::path& path, std::uint64_t seed = 1) {
    auto member = make(seed);
    History history;
    return read_checkpoint(path, *member, history);
  }

  std::shared_ptr<const Model> model_;
  std::filesystem::path folder_;
};

TEST_F(Checkpoint, keeps_the_newest_two) {
  const auto files = train_and_checkpoint(4);
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].filename(), "step-000000004.safetensors");
  EXPECT_EQ(files[1].filename(), "step-000000003.safetensors");
}

TEST_F(Checkpoint, refuses_every_kind_of_damage_and_the_older_one_still_works) {
  const auto files = train_and_checkpoint(2);
  const std::string good = *read_file(files[0]);
  for (const std::size_t place : {good.size() - 1, good.size() / 2, good.size() / 4}) {
    std::string bad = good;
    bad[place] = static_cast<char>(bad[place] ^ 0x10);
    ASSERT_TRUE(write_file_atomically(files[0], bad));
    const Status status = read(files[0]);
    ASSERT_FALSE(status) << "byte " << place;
    EXPECT_EQ(status.error().kind, ErrorKind::kCorrupt) << status.error().message;
    EXPECT_NE(status.error().message.find(files[0].string()), std::string::npos);
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, good.size() - 1}) {
    ASSERT_TRUE(write_file_atomically(files[0], good.substr(0, size)));
    ASSERT_FALSE(read(files[0]));
    EXPECT_EQ(read(files[0]).error().kind, ErrorKind::kCorrupt);
  }
  EXPECT_TRUE(read(files[1]));
}

TEST_F(Checkpoint, refuses_metadata_that_were_changed) {
  const auto files = train_and_checkpoint(1);
  std::string text = *read_file(files[0]);
  const auto at = text.find("\"step\":\"1\"");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 10, "\"step\":\"2\"");
  ASSERT_TRUE(write_file_atomically(files[0], text));
  EXPECT_EQ(read(files[0]).error().kind, ErrorKind::kCorrupt);
}

TEST_F(Checkpoint, refuses_another_trials_and_a_missing_one) {
  const auto files = train_and_checkpoint(1);
  EXPECT_EQ(read(files[0], 2).error().kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(read(folder_ / "none.safetensors").error().kind, ErrorKind::kNotFound);
}

TEST_F(Checkpoint, keeps_the_best_weights_and_the_history) {
  auto member = make();
  History history;
  history.metrics.push_back({{"step", 1}, {"split", "train"}, {"name", "loss"}, {"value", 0.5}});
  history.validation = {{"accuracy", 0.75}};
  history.best = member->snapshot();
  history.best_value = 0.75;
  history.has_best = true;
  history.train_seconds = 1.5;
  history.loss_sum = 2.0;
  history.loss_count = 3;
  const auto info = write_checkpoint(folder_, *member, history);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->size_bytes, static_cast<std::int64_t>(std::filesystem::file_size(info->path)));
  auto other = make();
  History restored;
  ASSERT_TRUE(read_checkpoint(info->path, *other, restored));
  EXPECT_EQ(restored.metrics, history.metrics);
  EXPECT_EQ(restored.validation, history.validation);
  EXPECT_EQ(restored.train_seconds, 1.5);
  EXPECT_EQ(restored.loss_count, 3);
  EXPECT_TRUE(restored.has_best);
  EXPECT_EQ(testing::distance(restored.best, history.best), 0.0);
}

}  // namespace
}  // namespace plateau::trainer
