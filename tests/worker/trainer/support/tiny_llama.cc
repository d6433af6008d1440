#include "tests/worker/trainer/support/tiny_llama.h"

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/worker/trainer/support/tiny.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer::testing {

nlohmann::json tiny_llama_config() {
  return {{"model_type", "llama"},    {"hidden_size", 16},
          {"num_hidden_layers", 2},   {"num_attention_heads", 4},
          {"num_key_value_heads", 2}, {"intermediate_size", 24},
          {"vocab_size", 40},         {"max_position_embeddings", 32},
          {"hidden_act", "silu"},     {"tie_word_embeddings", true}};
}

TensorMap tiny_llama_tensors() {
  TensorMap tensors;
  std::uint64_t seed = 1;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape) {
    tensors["model." + name] = normal_tensor(shape, 0.4, seed++, at::kDouble);
  };
  add("embed_tokens.weight", {40, 16});
  add("norm.weight", {16});
  for (int i = 0; i < 2; ++i) {
    const std::string layer = "layers." + std::to_string(i) + ".";
    add(layer + "self_attn.q_proj.weight", {16, 16});
    add(layer + "self_attn.k_proj.weight", {8, 16});
    add(layer + "self_attn.v_proj.weight", {8, 16});
    add(layer + "self_attn.o_proj.weight", {16, 16});
    add(layer + "mlp.gate_proj.weight", {24, 16});
    add(layer + "mlp.up_proj.weight", {24, 16});
    add(layer + "mlp.down_proj.weight", {16, 24});
    add(layer + "input_layernorm.weight", {16});
    add(layer + "post_attention_layernorm.weight", {16});
  }
  return tensors;
}

std::filesystem::path write_tiny_llama(const nlohmann::json& config, const TensorMap& tensors) {
  const auto folder = fresh_folder("llama");
  EXPECT_TRUE(write_tensors(folder / "model.safetensors", tensors, {}));
  EXPECT_TRUE(write_file_atomically(folder / "config.json", config.dump()));
  return folder;
}

}  // namespace plateau::trainer::testing
