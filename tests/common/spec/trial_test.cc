#include "common/spec/trial.h"

#include <gtest/gtest.h>

namespace plateau {
namespace {

using Json = nlohmann::json;

Json plain_trial() {
  return {{"format", "plateau-trial/1"},
          {"adapter", {{"method", "lora"}, {"parameters", {{"rank", 4}}}}},
          {"task", {{"reader", "jsonl"}, {"name", "toy"}}}};
}

std::string error_of(const Json& json) {
  const Result<Trial> trial = trial_from_json(json);
  return trial ? "" : trial.error().message;
}

TEST(Trial, its_json_reads_back_as_the_same_bytes) {
  const Trial trial = trial_from_json(plain_trial()).value();
  const std::string bytes = to_json(trial).dump();
  EXPECT_EQ(to_json(trial_from_json(to_json(trial)).value()).dump(), bytes);
  EXPECT_EQ(Json::parse(bytes), to_json(trial));
}

TEST(Trial, unknown_keys_are_refused_with_the_nearest) {
  Json json = plain_trial();
  json["optimizer"]["learning_rat"] = 1;
  EXPECT_EQ(error_of(json),
            "optimizer has an unknown key 'learning_rat'; did you mean 'learning_rate'?");
}

TEST(Trial, another_format_is_a_version_error) {
  Json json = plain_trial();
  json["format"] = "plateau-trial/2";
  EXPECT_EQ(trial_from_json(json).error().kind, ErrorKind::kVersion);
  EXPECT_EQ(trial_from_json(Json::array()).error().kind, ErrorKind::kInvalidArgument);
}

TEST(Trial, values_out_of_range_name_their_path) {
  Json json = plain_trial();
  json["optimizer"]["batch_size"] = 0;
  EXPECT_EQ(error_of(json), "optimizer.batch_size is 0; allowed is from 1 to 1e+06");
  json = plain_trial();
  json["seed"] = -1;
  EXPECT_EQ(error_of(json), "trial.seed is -1; a whole number from 0 is needed");
  json["seed"] = 1.5;
  EXPECT_EQ(error_of(json), "trial.seed is 1.5; a whole number from 0 is needed");
  json["seed"] = std::int64_t{3};
  EXPECT_EQ(error_of(json), "");
}

TEST(Trial, labels_are_safe_names) {
  Trial trial = trial_from_json(plain_trial()).value();
  trial.task.name = "my task/../x";
  EXPECT_EQ(trial_label(trial), "my_task_.._x-lora-r4-lr0.001-s0");
  trial.adapter = {"majority", Json::object()};
  EXPECT_EQ(trial_label(trial), "my_task_.._x-majority");
}

}  // namespace
}  // namespace plateau
