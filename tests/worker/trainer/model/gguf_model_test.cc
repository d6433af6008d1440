// A Llama out of a GGUF file is the one out of the folder that the file was made of.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/gguf/config.h"
#include "tests/common/gguf/gguf_bytes.h"
#include "tests/worker/trainer/support/tiny.h"
#include "tests/worker/trainer/support/tiny_gguf.h"
#include "tests/worker/trainer/support/tiny_llama.h"
#include "worker/trainer/model/gguf_source.h"
#include "worker/trainer/model/rotary.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using testing::gguf_of;
using testing::half_tensors;
using testing::llama_metadata;
using testing::Metadata;
using testing::write_gguf;

at::Tensor states_of(const fs::path& path, const LoadOptions& options) {
  const auto model = load_model(path, options);
  EXPECT_TRUE(model) << model.error().message;
  const at::NoGradGuard no_grad;
  const std::vector<std::int32_t> text = {5, 9, 3, 30, 2, 7};
  TrialSequences trial;
  trial.sequences = {{text, {}}};
  return (*model)->states(pack_batch({&trial, 1}, at::kDouble));
}

TEST(GgufModel, is_the_folder_that_it_was_made_of) {
  const TensorMap tensors = half_tensors();
  const fs::path file = write_gguf(gguf_of(tensors, llama_metadata()));
  const at::Tensor expected =
      states_of(testing::write_tiny_llama(testing::tiny_llama_config(), tensors),
                {Pooling::kCls, at::kDouble});
  for (const Storage storage : {Storage::kAsInFile, Storage::kNumbers}) {
    const at::Tensor states = states_of(file, {Pooling::kCls, at::kDouble, storage});
    EXPECT_LT((states - expected).abs().max().item<double>(), 1e-7);  // epsilon is a float here
  }
  EXPECT_TRUE(states_of(file.parent_path(), {Pooling::kCls, at::kDouble})
                  .equal(states_of(file, {Pooling::kCls, at::kDouble})));
}

TEST(GgufModel, keeps_its_blocks_unless_told_not_to) {
  const fs::path file = write_gguf(gguf_of(half_tensors(), llama_metadata()));
  const auto kept = load_model(file, {Pooling::kCls, at::kDouble});
  const auto numbers = load_model(file, {Pooling::kCls, at::kDouble, Storage::kNumbers});
  ASSERT_TRUE(kept && numbers);
  EXPECT_TRUE((*kept)->linears().front().weight.is_quantized());
  EXPECT_FALSE((*numbers)->linears().front().weight.is_quantized());
  // Two bytes a value in matrices and embeddings, eight in the five norms.
  const std::int64_t all = (*kept)->info().parameters, norms = 5 * 16;
  EXPECT_EQ((*kept)->storage_bytes(), (all - norms) * 2 + norms * 8);
  EXPECT_EQ((*numbers)->storage_bytes(), all * 8);
  EXPECT_EQ((*numbers)->info().parameters, all);
}

TEST(GgufModel, a_language_model_has_its_embeddings_as_outputs) {
  const fs::path file = write_gguf(gguf_of(half_tensors(), llama_metadata()));
  const auto model = load_model(file, {Pooling::kTokens, at::kDouble});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(
      (*model)->lm_head().value.dense().equal(half_tensors().at("model.embed_tokens.weight")));
}

TEST(GgufModel, a_tensor_that_is_missing_is_named) {
  TensorMap tensors = half_tensors();
  tensors.erase("model.layers.1.mlp.up_proj.weight");
  const auto model =
      load_model(write_gguf(gguf_of(tensors, llama_metadata())), {Pooling::kCls, at::kDouble});
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("blk.1.ffn_up.weight"), std::string::npos)
      << model.error().message;
}

Error config_error(const Metadata& metadata, const TensorMap& tensors) {
  const std::string bytes = gguf_of(tensors, metadata);
  const auto file = GgufFile::from_bytes(as_bytes(bytes), "x.gguf");
  EXPECT_TRUE(file) << file.error().message;
  const auto config = config_of_gguf(*file);
  EXPECT_FALSE(config);
  return config.ok() ? Error{} : config.error();
}

TEST(GgufConfig, says_what_is_missing_or_not_supported) {
  EXPECT_EQ(config_error(Metadata().text("general.architecture", "mamba"), half_tensors()).message,
            "x.gguf: the architecture 'mamba' is not supported in GGUF files; supported: llama, "
            "qwen2");
  const Error missing =
      config_error(Metadata().text("general.architecture", "llama"), half_tensors());
  EXPECT_EQ(missing.kind, ErrorKind::kCorrupt);
  EXPECT_NE(missing.message.find("llama.embedding_length is missing"), std::string::npos);
  EXPECT_NE(config_error(llama_metadata().count("llama.expert_count", 8), half_tensors())
                .message.find("mixture of experts"),
            std::string::npos);
  EXPECT_NE(config_error(llama_metadata(), {}).message.find("token_embd.weight"),
            std::string::npos);
}

// Heads are 16 / 4 wide, or as wide as "key_length" says.
TEST(GgufConfig, heads_turn_whole) {
  const auto turning = [](std::uint32_t dimensions) {
    return llama_metadata().count("llama.rope.dimension_count", dimensions);
  };
  const TensorMap tensors = half_tensors();
  const auto said =
      load_model(write_gguf(gguf_of(tensors, turning(4))), {Pooling::kCls, at::kDouble});
  EXPECT_TRUE(said) << said.error().message;
  const Error part = config_error(turning(2), tensors);
  EXPECT_EQ(part.kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(part.message,
            "x.gguf: rope.dimension_count is 2 in heads of 4: rotary positions in a part of each "
            "head are not supported");
  const Metadata wider = turning(4).count("llama.attention.key_length", 8);
  EXPECT_NE(config_error(wider, tensors).message.find("is 4 in heads of 8"), std::string::npos);
  EXPECT_EQ(config_error(turning(0), tensors).kind, ErrorKind::kCorrupt);
}

TEST(GgufConfig, rope_comes_from_keys_or_from_the_tensor_of_divisors) {
  const auto config_of = [](const Metadata& metadata, const TensorMap& tensors) {
    const std::string bytes = gguf_of(tensors, metadata);
    const auto file = GgufFile::from_bytes(as_bytes(bytes), "x.gguf");
    const auto config = config_of_gguf(*file);
    EXPECT_TRUE(config) << config.error().message;
    return *config;
  };
  Metadata metadata = llama_metadata();
  metadata.number("llama.rope.freq_base", 5e5F)
      .text("llama.rope.scaling.type", "linear")
      .number("llama.rope.scaling.factor", 4.0F);
  nlohmann::json config = config_of(metadata, half_tensors());
  EXPECT_EQ(config["rope_theta"], 5e5);
  EXPECT_EQ(config["rope_scaling"], (nlohmann::json{{"rope_type", "linear"}, {"factor", 4.0}}));
  // llama.cpp's default, and its older key.
  for (const char* key : {"llama.rope.scaling.factor", "llama.rope.scale_linear"}) {
    config = config_of(llama_metadata().number(key, 2.0F), half_tensors());
    EXPECT_EQ(config["rope_scaling"], (nlohmann::json{{"rope_type", "linear"}, {"factor", 2.0}}));
    config = config_of(llama_metadata().number(key, 0.0F), half_tensors());
    EXPECT_FALSE(config.contains("rope_scaling")) << key;
  }
  metadata = llama_metadata();
  metadata.text("llama.rope.scaling.type", "none").number("llama.rope.scaling.factor", 4.0F);
  EXPECT_FALSE(config_of(metadata, half_tensors()).contains("rope_scaling"));
  TensorMap tensors = half_tensors();
  tensors["rope_freqs.weight"] = at::tensor({1.0, 8.0}, at::kDouble);
  config = config_of(llama_metadata(), tensors);
  for (const char* factors : {"short_factor", "long_factor"})
    EXPECT_EQ(config["rope_scaling"][factors], (std::vector<float>{1.0F, 8.0F}));
  EXPECT_FALSE(rotary_longest(config));
  EXPECT_EQ(rotary_magnitude(config), 1.0);
  EXPECT_EQ(config["tie_word_embeddings"], true);
}

TEST(GgufNames, cover_every_tensor_of_a_llama) {
  EXPECT_EQ(gguf_tensor_name("model.layers.12.self_attn.q_proj.weight"), "blk.12.attn_q.weight");
  EXPECT_EQ(gguf_tensor_name("lm_head.weight"), "output.weight");
  EXPECT_EQ(gguf_tensor_name("classifier.weight"), "");
  for (const auto& [name, tensor] : testing::tiny_llama_tensors())
    EXPECT_NE(gguf_tensor_name(name), "") << name;
}

}  // namespace
}  // namespace plateau::trainer
