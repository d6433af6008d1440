#include "coordinator/gateway/artifact_inbox.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/coordinator/store/trials.h"

namespace plateau {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr const char* kTrial = "trials/one";

class ArtifactInboxTest : public ::testing::Test {
 protected:
  ArtifactInbox inbox(std::uint64_t checkpoint_budget_bytes = 1000) {
    return ArtifactInbox({run_.path(), 1000, checkpoint_budget_bytes});
  }

  static ArtifactFacts facts(const std::string& name, const std::string& whole) {
    return {name, whole.size(), sha256_hex(whole)};
  }
  static Chunk chunk(const std::string& name, const std::string& whole, std::uint64_t offset,
                     std::uint64_t size, std::int64_t attempt = 1) {
    return {ref(1, attempt), facts(name, whole), offset, whole.substr(offset, size)};
  }
  static Receipt take(ArtifactInbox& to, const Chunk& each) {
    const Result<Receipt> receipt = to.take(each, kTrial);
    EXPECT_TRUE(receipt) << (receipt ? "" : receipt.error().message);
    return receipt ? *receipt : Receipt{};
  }
  fs::path path(const std::string& name) const { return run_.path() / kTrial / name; }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(run_.path())) {
      if (entry.is_regular_file()) {
        names.push_back(fs::relative(entry.path(), run_.path() / kTrial).string());
      }
    }
    return names;
  }

  TemporaryFolder run_;
};

TEST_F(ArtifactInboxTest, chunks_in_order_become_a_file_that_is_in_place_when_adopted) {
  ArtifactInbox to = inbox();
  const std::string whole = "0123456789";
  Receipt receipt = take(to, chunk("adapter/x.bin", whole, 0, 4));
  EXPECT_EQ(receipt.offset, 4u);
  EXPECT_EQ(receipt.credit_bytes, 1000u);
  EXPECT_FALSE(receipt.complete);
  receipt = take(to, chunk("adapter/x.bin", whole, 4, 6));
  EXPECT_TRUE(receipt.complete);
  EXPECT_FALSE(fs::exists(path("adapter/x.bin"))) << "in place before its result was adopted";
  ASSERT_TRUE(to.adopt_result(ref(1, 1), {facts("adapter/x.bin", whole)}, kTrial));
  EXPECT_EQ(*read_file(path("adapter/x.bin")), whole);
  // Once more, as after a crash between the renaming and the commit.
  EXPECT_TRUE(to.adopt_result(ref(1, 1), {facts("adapter/x.bin", whole)}, kTrial));
}

TEST_F(ArtifactInboxTest, a_gap_or_a_repetition_is_answered_with_what_is_here) {
  ArtifactInbox to = inbox();
  const std::string whole = "0123456789";
  EXPECT_EQ(take(to, chunk("m", whole, 4, 2)).offset, 0u);
  EXPECT_EQ(take(to, chunk("m", whole, 0, 4)).offset, 4u);
  EXPECT_EQ(take(to, chunk("m", whole, 0, 4)).offset, 4u);
  EXPECT_EQ(take(to, chunk("m", whole, 8, 2)).offset, 4u);
  EXPECT_TRUE(take(to, chunk("m", whole, 4, 6)).complete);
  EXPECT_TRUE(take(to, chunk("m", whole, 10, 0)).complete) << "the question whether all is here";
  ASSERT_TRUE(to.adopt_result(ref(1, 1), {facts("m", whole)}, kTrial));
  EXPECT_EQ(*read_file(path("m")), whole);
}

TEST_F(ArtifactInboxTest, bytes_with_a_wrong_hash_are_thrown_away_and_taken_again) {
  ArtifactInbox to = inbox();
  Chunk bad = chunk("m", "right", 0, 5);
  bad.data = "wrong";
  const Receipt receipt = take(to, bad);
  EXPECT_EQ(receipt.offset, 0u);
  EXPECT_FALSE(receipt.complete);
  EXPECT_EQ(files(), std::vector<std::string>{});
  EXPECT_TRUE(take(to, chunk("m", "right", 0, 5)).complete);
}

TEST_F(ArtifactInboxTest, an_empty_artifact_is_one_chunk_of_no_bytes) {
  ArtifactInbox to = inbox();
  EXPECT_TRUE(take(to, chunk("empty", "", 0, 0)).complete);
  EXPECT_TRUE(to.adopt_result(ref(1, 1), {facts("empty", "")}, kTrial));
  EXPECT_EQ(*read_file(path("empty")), "");
}

TEST_F(ArtifactInboxTest, a_new_coordinator_knows_what_was_complete_and_begins_the_rest_anew) {
  const std::string whole = "0123456789";
  {
    ArtifactInbox before = inbox();
    take(before, chunk("done", whole, 0, 10));
    take(before, chunk("half", whole, 0, 5));
  }
  ArtifactInbox after = inbox();
  EXPECT_TRUE(take(after, chunk("done", whole, 10, 0)).complete);
  EXPECT_EQ(take(after, chunk("half", whole, 5, 5)).offset, 0u);
  EXPECT_TRUE(take(after, chunk("half", whole, 0, 10)).complete);
}

TEST_F(ArtifactInboxTest, a_result_that_lacks_an_artifact_is_refused_and_nothing_is_moved) {
  ArtifactInbox to = inbox();
  take(to, chunk("here", "x", 0, 1));
  const Status adopted =
      to.adopt_result(ref(1, 1), {facts("here", "x"), facts("missing", "y")}, kTrial);
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(adopted.error().message, HasSubstr("missing"));
  EXPECT_FALSE(fs::exists(path("here")));
  // Nor does another attempt's copy count.
  take(to, chunk("missing", "y", 0, 1, /*attempt=*/2));
  EXPECT_FALSE(to.adopt_result(ref(1, 1), {facts("missing", "y")}, kTrial));
}

TEST_F(ArtifactInboxTest, the_coordinators_own_file_cannot_be_sent) {
  ArtifactInbox to = inbox();
  const Result<Receipt> receipt = to.take(chunk("trial.json", "{}", 0, 2), kTrial);
  ASSERT_FALSE(receipt);
  EXPECT_EQ(receipt.error().kind, ErrorKind::kInvalidArgument);
}

TEST_F(ArtifactInboxTest, the_two_newest_checkpoints_are_kept_and_the_end_leaves_none) {
  ArtifactInbox to = inbox();
  std::vector<ResumePoint> points;
  for (const std::int64_t step : {9, 10, 20}) {
    const std::string bytes = "of step " + std::to_string(step);
    const ArtifactFacts file = facts("checkpoint/step-" + std::to_string(step), bytes);
    take(to, chunk(file.name, bytes, 0, bytes.size()));
    ASSERT_TRUE(*to.adopt_checkpoint(ref(1, 1), file, kTrial));
    points.push_back({AttemptNumber{1}, step, file});
    to.drop_old_checkpoints(points.back(), kTrial);
  }
  EXPECT_EQ(*read_file(to.resume_path(points[2], kTrial)), "of step 20");
  EXPECT_EQ(*read_file(to.resume_path(points[1], kTrial)), "of step 10");
  EXPECT_FALSE(fs::exists(to.resume_path(points[0], kTrial)));
  to.drop_trial(kTrial);
  EXPECT_EQ(files(), std::vector<std::string>{});
}

// Tried: a usable_checkpoint() that believes the newest gives the damaged one.
TEST_F(ArtifactInboxTest, a_damaged_checkpoint_is_not_used_and_the_one_before_is) {
  ArtifactInbox to = inbox();
  const ArtifactFacts first = facts("checkpoint/step-10", "aaaa");
  const ArtifactFacts second = facts("checkpoint/step-20", "bbbb");
  const ResumePoint older{AttemptNumber{1}, 10, first};
  const ResumePoint newest{AttemptNumber{2}, 20, second};
  take(to, chunk(first.name, "aaaa", 0, 4));
  ASSERT_TRUE(*to.adopt_checkpoint(ref(1, 1), first, kTrial));
  take(to, chunk(second.name, "bbbb", 0, 4, 2));
  ASSERT_TRUE(*to.adopt_checkpoint(ref(1, 2), second, kTrial));
  EXPECT_EQ(to.usable_checkpoint(newest, kTrial)->step, 20);
  std::ofstream(to.resume_path(newest, kTrial)) << "bbbc";  // as long as it was
  std::ofstream(path(".checkpoints/3-checkpoint-step-99-no-hash")) << "what is this?";
  const std::optional<ResumePoint> usable = to.usable_checkpoint(newest, kTrial);
  ASSERT_TRUE(usable);
  EXPECT_EQ(usable->step, 10);
  EXPECT_EQ(usable->written_by, AttemptNumber{1});
  EXPECT_EQ(usable->artifact.name, first.name);
  EXPECT_EQ(usable->artifact.sha256, first.sha256);
  std::ofstream(to.resume_path(older, kTrial)) << "";
  EXPECT_FALSE(to.usable_checkpoint(newest, kTrial));
}

TEST_F(ArtifactInboxTest, checkpoints_beyond_the_budget_are_dropped_also_after_a_restart) {
  const ArtifactFacts first = facts("checkpoint/step-10", "aaaaaa");
  const ArtifactFacts second = facts("checkpoint/step-20", "bbbbbb");
  {
    ArtifactInbox to = inbox(/*checkpoint_budget_bytes=*/10);
    take(to, chunk(first.name, "aaaaaa", 0, 6));
    EXPECT_TRUE(*to.adopt_checkpoint(ref(1, 1), first, kTrial));
  }
  ArtifactInbox to = inbox(/*checkpoint_budget_bytes=*/10);
  take(to, chunk(second.name, "bbbbbb", 0, 6));
  EXPECT_FALSE(*to.adopt_checkpoint(ref(1, 1), second, kTrial));
  EXPECT_TRUE(fs::exists(to.resume_path({AttemptNumber{1}, 10, first}, kTrial)));
  to.drop_trial(kTrial);
  take(to, chunk(second.name, "bbbbbb", 0, 6));
  EXPECT_TRUE(*to.adopt_checkpoint(ref(1, 1), second, kTrial)) << "the budget is free again";
}

TEST_F(ArtifactInboxTest, an_attempt_that_ended_leaves_nothing_half_way) {
  ArtifactInbox to = inbox();
  take(to, chunk("half", "0123456789", 0, 5));
  take(to, chunk("whole", "x", 0, 1));
  to.drop_attempt(ref(1, 1), kTrial);
  EXPECT_EQ(files(), std::vector<std::string>{});
}

// Tried: without make_folder_inside() the file appears in the other folder here and below; without
// O_NOFOLLOW the link in the place of a file is written through.
TEST_F(ArtifactInboxTest, a_link_in_the_run_folder_leads_nowhere) {
  const TemporaryFolder elsewhere;
  const std::string whole = "0123456789";
  for (const char* place : {"trials/one/.incoming", "trials/one/.incoming/1/.part/adapter"}) {
    fs::remove_all(run_.path() / "trials");
    fs::create_directories((run_.path() / place).parent_path());
    fs::create_directory_symlink(elsewhere.path(), run_.path() / place);
    ArtifactInbox to = inbox();
    const Result<Receipt> receipt = to.take(chunk("adapter/x.bin", whole, 0, 10), kTrial);
    ASSERT_FALSE(receipt) << place;
    EXPECT_EQ(receipt.error().kind, ErrorKind::kIo);
    EXPECT_THAT(receipt.error().message, HasSubstr("symbolic link"));
    EXPECT_TRUE(fs::is_empty(elsewhere.path())) << place;
  }
}

TEST_F(ArtifactInboxTest, a_result_is_not_put_in_place_through_a_link) {
  const TemporaryFolder elsewhere;
  const std::string whole = "0123456789";
  ArtifactInbox to = inbox();
  ASSERT_TRUE(take(to, chunk("adapter/x.bin", whole, 0, 10)).complete);
  fs::create_directory_symlink(elsewhere.path(), path("adapter"));
  const Status adopted = to.adopt_result(ref(1, 1), {facts("adapter/x.bin", whole)}, kTrial);
  ASSERT_FALSE(adopted);
  EXPECT_THAT(adopted.error().message, HasSubstr("symbolic link"));
  EXPECT_TRUE(fs::is_empty(elsewhere.path()));
}

// A file that is a link is replaced, never written through.
TEST_F(ArtifactInboxTest, a_link_in_the_place_of_a_file_is_not_followed) {
  const TemporaryFolder elsewhere;
  const fs::path target = elsewhere.path() / "target";
  std::ofstream(target) << "precious";
  const std::string whole = "0123456789";
  ArtifactInbox to = inbox();
  fs::create_directories(path(".incoming/1/.part"));
  fs::create_symlink(target, path(".incoming/1/.part/x.bin"));
  EXPECT_FALSE(to.take(chunk("x.bin", whole, 0, 10), kTrial));
  EXPECT_TRUE(take(to, chunk("y.bin", whole, 0, 10)).complete);
  fs::create_symlink(target, path("y.bin"));
  EXPECT_TRUE(to.adopt_result(ref(1, 1), {facts("y.bin", whole)}, kTrial));
  EXPECT_FALSE(fs::is_symlink(path("y.bin")));
  EXPECT_EQ(*read_file(target), "precious");
}

}  // namespace
}  // namespace plateau
