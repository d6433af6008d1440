#include "common/spec/obstacle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

BaseFacts facts(const char* type) {
  BaseFacts facts{type, 2, 16, 24, 4, 40, 32, 2};
  if (std::string(type) == "llama") facts.qkv_bias = facts.out_bias = facts.mlp_bias = false;
  return facts;
}

struct Asked {
  const char* method = "lora";
  nlohmann::json parameters = {{"rank", 1}, {"target_modules", "all-linear"}};
  const char* kind = "classification";
  const char* pooling = "cls";
};

std::string said(const char* type, const Asked& asked) {
  Trial trial;
  trial.base.name = "small";
  trial.base.pooling = asked.pooling;
  trial.task.name = "demo";
  trial.task.kind = asked.kind;
  trial.task.labels = {"a", "b"};
  trial.adapter = {asked.method, asked.parameters};
  return obstacle(facts(type), trial).value_or("");
}

TEST(Obstacle, an_encoder_models_no_language) {
  EXPECT_THAT(said("bert", {.kind = "causal_lm"}),
              AllOf(HasSubstr("demo"), HasSubstr("small (bert) is an encoder")));
  EXPECT_THAT(said("roberta", {.method = "none", .parameters = {{"template", "{text}"}}}),
              HasSubstr("leave the template out"));
  EXPECT_EQ(said("gpt2", {.kind = "causal_lm"}), "");
  EXPECT_EQ(said("llama", {.method = "none", .parameters = {{"template", "{text}"}}}), "");
  EXPECT_EQ(said("bert", {.method = "none", .parameters = {{"template", ""}}}), "");
}

TEST(Obstacle, what_a_method_cannot_do_on_a_base) {
  const nlohmann::json tokens = {{"tokens", 3}}, nothing = nlohmann::json::object();
  EXPECT_THAT(said("roberta", {.method = "prefix", .parameters = tokens}),
              HasSubstr("use prompt tuning"));
  EXPECT_EQ(said("roberta", {.method = "prompt", .parameters = tokens}), "");
  EXPECT_EQ(said("bert", {.method = "prefix", .parameters = tokens}), "");
  EXPECT_THAT(said("llama", {.method = "bitfit", .parameters = nothing}),
              HasSubstr("nothing to train in small (llama)"));
  EXPECT_EQ(said("gpt2", {.method = "bitfit", .parameters = nothing}), "");
  EXPECT_EQ(said("llama", {.method = "none", .parameters = nothing}), "");
}

TEST(Obstacle, padding_stands_where_a_pooler_reads) {
  const nlohmann::json padded = {{"rank", 1}, {"positions", "f1+l1"}, {"pad_first", true}};
  EXPECT_THAT(said("bert", {.method = "loreft", .parameters = padded}), HasSubstr("pad_first"));
  EXPECT_EQ(said("bert", {.method = "loreft", .parameters = padded, .pooling = "mean"}), "");
  EXPECT_EQ(said("gpt2", {.method = "loreft", .parameters = padded}), "");
}

// At the place that asks for it, before anything runs.
TEST(Obstacle, is_found_when_the_sweep_is_planned) {
  const std::string sweep =
      "parameters:\n  base: minilm\n  task: tweets\n  pooling: cls\n"
      "  adapter: loreft\n  rank: 1\n  pad_first: true\n";
  EXPECT_THAT(testing::mistakes(sweep),
              AllOf(HasSubstr("s.yaml:5"), HasSubstr("pad_first puts a padding token")));
  EXPECT_EQ(testing::mistakes(sweep, {"pooling=mean"}), "");
}

}  // namespace
}  // namespace plateau
