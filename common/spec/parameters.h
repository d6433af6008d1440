// How many parameters a trial trains, from the base's architecture alone: no weights are read.
// Counts are Hugging Face PEFT's; the task head is counted apart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/spec/trial.h"

namespace plateau {

// Architecture of a base, as its config.json says.
struct BaseFacts {
  std::string model_type;  // bert | roberta | gpt2 | llama | mistral | qwen2
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
  std::int64_t heads = 0;
  std::int64_t vocabulary = 0;
  std::int64_t max_positions = 0;
  std::int64_t token_types = 0;  // encoders
  std::int64_t query_width = 0;  // heads * head width; 0: hidden, as in all but the Llama family
  std::int64_t key_width = 0;    // key heads * head width; 0: hidden
  bool qkv_bias = true;
  bool out_bias = true;
  bool mlp_bias = true;
  bool ties_output = true;  // the output embeddings of language modelling are the input's
  bool in_blocks = false;   // a GGUF file: its matrices are in a few bits a value already

  bool is_encoder() const { return model_type == "bert" || model_type == "roberta"; }
};

// kInvalidArgument: not a config.json of a supported architecture, or a setting that is not
// computed (base_settings.h); kCorrupt names the missing key.
Result<BaseFacts> base_facts_from_config(const nlohmann::json& config, const std::string& where);

// A frozen matrix that an adapter may be put on.
struct LinearModule {
  std::string name;  // "encoder.layer.0.attention.self.query", "pooler.dense"
  std::int64_t out = 0;
  std::int64_t in = 0;
};

// Every linear module, in the model's order. With mean pooling the pooler is not part of the model.
std::vector<LinearModule> linear_modules(const BaseFacts& facts, const std::string& pooling);

// Those that `target_modules` names: "all-linear", or names and suffixes as PEFT matches them
// (equal, or ending with "." + target). kInvalidArgument: a name that matches none, with the
// nearest.
Result<std::vector<LinearModule>> targeted_modules(const BaseFacts& facts,
                                                   const std::string& pooling,
                                                   const nlohmann::json& target_modules);

struct ParameterCounts {
  std::int64_t adapter = 0;  // trained, without the head
  std::int64_t head = 0;     // trained
  std::int64_t base = 0;     // frozen: the denominator of shares
};

// kInvalidArgument: rank larger than a matrix allows, a layer that is not there, no such module.
// Trials of baselines count no adapter; the probe's head is its fitted regression.
Result<ParameterCounts> count_parameters(const BaseFacts& facts, const Trial& trial);

// The largest rank that the method allows on this base, and what limits it.
struct RankLimit {
  std::int64_t largest = 0;
  std::string module;  // "encoder.layer.0.attention.self.query is 384 x 384"
};
Result<RankLimit> rank_limit(const BaseFacts& facts, const Trial& trial);

// Floating-point operations of training on one token: forward, and backward through a frozen base.
double training_flops_per_token(const BaseFacts& facts, const Trial& trial);
// ... and of evaluating one.
double evaluation_flops_per_token(const BaseFacts& facts, const Trial& trial);

}  // namespace plateau
