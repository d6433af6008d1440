// Counts against Hugging Face PEFT's and pyreft's: the numbers come from those libraries.
#include "common/spec/parameters.h"

#include <gtest/gtest.h>

namespace plateau {
namespace {

using Json = nlohmann::json;

const BaseFacts kMiniLm{"bert", 6, 384, 1536, 12, 30522, 512, 2};
const BaseFacts kTinyBert{"bert", 2, 32, 64, 4, 320, 64, 2};

Trial trial_of(const std::string& method, Json parameters, const std::string& pooling = "cls",
               std::size_t labels = 2) {
  Json json = {{"format", "plateau-trial/1"},
               {"task", {{"reader", "jsonl"}}},
               {"adapter", {{"method", method}, {"parameters", std::move(parameters)}}}};
  Trial trial = trial_from_json(json).value();
  trial.base.pooling = pooling;
  trial.task.labels.assign(labels, "label");
  return trial;
}

std::int64_t trained(const BaseFacts& facts, const Trial& trial) {
  const ParameterCounts counts = count_parameters(facts, trial).value();
  return counts.adapter + counts.head;
}

TEST(Parameters, minilm_counts_are_those_of_peft_and_pyreft) {
  const Json query_value = {"query", "value"};
  EXPECT_EQ(trained(kMiniLm, trial_of("lora", {{"rank", 8}, {"target_modules", query_value}})),
            74'498);
  EXPECT_EQ(trained(kMiniLm, trial_of("lora", {{"rank", 8}})), 338'690);
  EXPECT_EQ(trained(kMiniLm, trial_of("dora", {{"rank", 8}})), 359'810);
  EXPECT_EQ(trained(kMiniLm, trial_of("loreft", {{"rank", 4}, {"positions", "f1+l1"}})), 37'682);
}

TEST(Parameters, tiny_bert_counts_are_those_of_peft) {
  const Json query_value = {"query", "value"};
  // 2 layers * 2 modules * (8 * 32 + 32 * 8) + 66 of the head.
  EXPECT_EQ(trained(kTinyBert, trial_of("lora", {{"rank", 8}, {"target_modules", query_value}})),
            2'114);
  EXPECT_EQ(trained(kTinyBert, trial_of("dora", {{"rank", 8}, {"target_modules", query_value}})),
            2'114 + 4 * 32);
}

TEST(Parameters, other_methods_counts_are_those_of_the_reference_runs) {
  EXPECT_EQ(trained(kTinyBert, trial_of("ia3", Json::object())), 386);
  EXPECT_EQ(trained(kTinyBert, trial_of("houlsby", {{"rank", 8}})), 2'274);
  EXPECT_EQ(trained(kTinyBert, trial_of("prompt", {{"tokens", 4}})), 194);
  EXPECT_EQ(trained(kMiniLm, trial_of("prefix", {{"tokens", 4}})), 19'202);
  EXPECT_EQ(trained(kTinyBert, trial_of("bitfit", Json::object())), 706);
  EXPECT_EQ(trained(kTinyBert, trial_of("full", Json::object())), 30'626);
  EXPECT_EQ(trained(kTinyBert, trial_of("none", Json::object())), 66);
  EXPECT_EQ(trained(kMiniLm, trial_of("houlsby", {{"rank", 24}})), 226'850);
}

// The reference runs' own counts on small models; there the two language models have no head.
TEST(Parameters, decoders_counts_are_those_of_the_reference_runs) {
  const auto facts = [](const Json& config) {
    return base_facts_from_config(config, "config.json").value();
  };
  const BaseFacts llama = facts({{"model_type", "llama"},
                                 {"num_hidden_layers", 2},
                                 {"hidden_size", 32},
                                 {"intermediate_size", 88},
                                 {"num_attention_heads", 4},
                                 {"num_key_value_heads", 2},
                                 {"vocab_size", 476},
                                 {"max_position_embeddings", 64}});
  const BaseFacts gpt2 = facts({{"model_type", "gpt2"},
                                {"n_layer", 2},
                                {"n_embd", 32},
                                {"n_head", 4},
                                {"vocab_size", 360},
                                {"n_positions", 64}});
  const auto adapter = [](const BaseFacts& base, const std::string& method, const Json& given) {
    return count_parameters(base, trial_of(method, given, "cls")).value().adapter;
  };
  EXPECT_EQ(adapter(llama, "lora", {{"rank", 8}}), 9'344);
  EXPECT_EQ(adapter(llama, "ia3", Json::object()), 240);
  EXPECT_EQ(adapter(llama, "prefix", {{"tokens", 4}}), 256);
  EXPECT_EQ(adapter(gpt2, "houlsby", {{"rank", 8}}), 2'208);
  EXPECT_EQ(adapter(gpt2, "prefix", {{"tokens", 4}}), 512);
  EXPECT_EQ(adapter(gpt2, "bitfit", Json::object()), 736);
  // Without the output embeddings, which a classifier does not have.
  EXPECT_EQ(trained(llama, trial_of("full", Json::object(), "cls")), 38'496);
}

TEST(Parameters, the_articles_matrix) {
  // A 512 x 64 matrix at rank 8: 32,768 against 4,608.
  const BaseFacts facts{"bert", 1, 64, 512, 1, 10, 10, 1};
  const Trial trial = trial_of("lora", {{"rank", 8}, {"target_modules", {"intermediate.dense"}}});
  EXPECT_EQ(count_parameters(facts, trial).value().adapter, 4'608);
}

TEST(Parameters, the_base_is_counted_as_it_is_computed) {
  // As in the file of weights, without its position ids; mean pooling leaves the pooler out.
  EXPECT_EQ(count_parameters(kMiniLm, trial_of("lora", {{"rank", 8}})).value().base, 22'713'216);
  EXPECT_EQ(count_parameters(kMiniLm, trial_of("lora", {{"rank", 8}}, "mean")).value().base,
            22'713'216 - 384 * 384 - 384);
  EXPECT_EQ(count_parameters(kMiniLm, trial_of("lora", {{"rank", 8}}, "mean")).value().adapter,
            337'920 - 8 * 768);
}

TEST(Parameters, loreft_shares_or_doubles) {
  const auto count = [](Json parameters) {
    parameters["rank"] = 4;
    return count_parameters(kMiniLm, trial_of("loreft", std::move(parameters))).value().adapter;
  };
  const std::int64_t one = 2 * 384 * 4 + 4;
  EXPECT_EQ(count({{"positions", "f1+l1"}}), 12 * one);
  EXPECT_EQ(count({{"positions", "f1+l1"}, {"share_weights", true}}), 6 * one);
  EXPECT_EQ(count({{"positions", "f5"}}), 6 * one);
  EXPECT_EQ(count({{"positions", "l5"}, {"layers", {0, 5}}}), 2 * one);
}

TEST(Parameters, heads_and_baselines) {
  EXPECT_EQ(count_parameters(kMiniLm, trial_of("lora", {{"rank", 1}}, "mean", 3)).value().head,
            3 * 385);
  Trial regression = trial_of("lora", {{"rank", 1}}, "mean", 0);
  regression.task.kind = "regression";
  EXPECT_EQ(count_parameters(kMiniLm, regression).value().head, 385);
  EXPECT_EQ(trained(kMiniLm, trial_of("majority", Json::object())), 0);
  EXPECT_EQ(trained(kMiniLm, trial_of("probe", Json::object())), 770);
}

TEST(Parameters, what_the_base_does_not_have_is_refused) {
  const auto error = [](const Trial& trial) {
    return count_parameters(kMiniLm, trial).error().message;
  };
  EXPECT_EQ(error(trial_of("lora", {{"rank", 8}, {"target_modules", {"qeury"}}})),
            "target_modules has 'qeury', which no module of the base is called. Did you mean "
            "'query'? There are: query, key, value, dense, attention.output.dense, "
            "intermediate.dense, output.dense, pooler.dense.");
  EXPECT_EQ(error(trial_of("loreft", {{"rank", 8}, {"layers", {6}}})),
            "layers has 6; the base has layers 0 to 5");
  EXPECT_EQ(error(trial_of("last_layers", {{"trained_layers", 7}})),
            "trained_layers is 7; the base has 6 layers");
}

TEST(Parameters, the_largest_rank_is_the_smaller_side_of_the_smallest_matrix) {
  EXPECT_EQ(rank_limit(kMiniLm, trial_of("lora", {{"rank", 1}})).value().largest, 384);
  EXPECT_EQ(rank_limit(kTinyBert, trial_of("lora", {{"rank", 1}})).value().largest, 32);
  EXPECT_EQ(rank_limit(kMiniLm, trial_of("loreft", {{"rank", 1}})).value().largest, 384);
}

TEST(Parameters, a_config_names_what_it_lacks) {
  EXPECT_EQ(
      base_facts_from_config({{"model_type", "t5"}}, "x/config.json").error().message,
      "x/config.json has model_type \"t5\"; supported are bert, roberta, gpt2, llama, mistral "
      "and qwen2");
  EXPECT_EQ(base_facts_from_config({{"model_type", "bert"}}, "x/config.json").error().message,
            "x/config.json has no num_hidden_layers; a whole number from 1 is needed");
}

}  // namespace
}  // namespace plateau
