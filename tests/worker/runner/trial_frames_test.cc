#include "worker/runner/trial_frames.h"

#include <cmath>

#include <gtest/gtest.h>

namespace plateau::runner {
namespace {

using Json = nlohmann::json;

TEST(TrialFrames, good_ones_become_events) {
  const auto metric = event_from_frame(Json::parse(
      R"({"type":"metric","trial_id":3,"attempt":2,"step":7,"split":"train","name":"loss",
          "value":0.5})"));
  ASSERT_TRUE(metric.ok());
  const auto& m = std::get<TrialMetric>(*metric);
  EXPECT_EQ(m.attempt, (AttemptRef{TrialId{3}, AttemptNumber{2}}));
  EXPECT_EQ(m.value, 0.5);
  const auto checkpoint = event_from_frame(Json::parse(
      R"({"type":"checkpoint","trial_id":3,"attempt":2,"step":7,"path":"/x","size_bytes":4,
          "sha256":"ab"})"));
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_EQ(std::get<TrialCheckpoint>(*checkpoint).file.name, "checkpoint/step-7");
}

TEST(TrialFrames, nan_comes_as_null) {
  const auto progress = event_from_frame(Json::parse(
      R"({"type":"progress","trial_id":3,"attempt":2,"step":7,"steps_total":9,"loss":null,
          "tokens_per_s":1})"));
  ASSERT_TRUE(progress.ok());
  EXPECT_TRUE(std::isnan(std::get<TrialProgress>(*progress).loss));
}

TEST(TrialFrames, wrong_ones_name_the_field) {
  const char* frames[][2] = {
      {R"({"type":"started","trial_id":"3","attempt":1,"step":0,"steps_total":1})", "trial_id"},
      {R"({"type":"started","trial_id":3,"step":0,"steps_total":1})", "attempt"},
      {R"({"type":"metric","trial_id":3,"attempt":1,"step":1,"split":1,"name":"a","value":1})",
       "split"},
      {R"({"type":"finished","trial_id":3,"attempt":1,"artifacts":[]})", "result"},
      {R"({"type":"finished","trial_id":3,"attempt":1,"result":{},"artifacts":[{"name":"a"}]})",
       "artifacts"},
      {R"({"type":"failed","trial_id":3,"attempt":1,"kind":"tired","message":""})", "kind"},
      {R"({"type":"checkpoint","trial_id":3,"attempt":1,"step":1,"path":"p","size_bytes":-1,
           "sha256":""})",
       "size_bytes"},
      {R"({"type":"dance"})", "dance"}};
  for (const auto& [frame, field] : frames) {
    const auto event = event_from_frame(Json::parse(frame));
    ASSERT_FALSE(event.ok()) << frame;
    EXPECT_NE(event.error().message.find(field), std::string::npos) << event.error().message;
  }
}

TEST(TrialFrames, hello_is_checked) {
  EXPECT_TRUE(check_hello(Json{{"type", "hello"}, {"protocol", 1}}));
  EXPECT_EQ(check_hello(Json{{"type", "hello"}, {"protocol", 2}}).error().kind,
            ErrorKind::kVersion);
  EXPECT_EQ(check_hello(Json{{"type", "hello"}}).error().kind, ErrorKind::kVersion);
  EXPECT_EQ(check_hello(Json{{"type", "started"}}).error().kind, ErrorKind::kCorrupt);
}

TEST(TrialFrames, assign_carries_the_trial_as_an_object) {
  TrialStart start;
  start.trial_json = R"({"seed": 1})";
  start.resume = "/r";
  const auto frame = assign_frame(start);
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ((*frame)["trial"]["seed"], 1);
  EXPECT_EQ((*frame)["resume"], "/r");
  start.resume.clear();
  EXPECT_TRUE((*assign_frame(start))["resume"].is_null());
  start.trial_json = "no json";
  EXPECT_FALSE(assign_frame(start).ok());
}

}  // namespace
}  // namespace plateau::runner
