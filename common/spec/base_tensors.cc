#include "common/spec/base_tensors.h"

namespace plateau {
namespace {

class List {
 public:
  explicit List(std::string prefix) : prefix_(std::move(prefix)) {}

  void add(const std::string& name, std::int64_t elements) {
    tensors_.push_back({prefix_ + name, elements, 0, 0});
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in, bool has_bias = true) {
    tensors_.push_back({prefix_ + name + ".weight", out * in, out, in});
    if (has_bias) add(name + ".bias", out);
  }
  void norm(const std::string& name, std::int64_t width, bool has_bias = true) {
    add(name + ".weight", width);
    if (has_bias) add(name + ".bias", width);
  }
  std::vector<BaseTensor> take() { return std::move(tensors_); }

 private:
  std::string prefix_;
  std::vector<BaseTensor> tensors_;
};

std::vector<BaseTensor> encoder(const BaseFacts& facts, const std::string& pooling) {
  const std::int64_t h = facts.hidden, wide = facts.intermediate;
  List list(facts.model_type + ".");
  list.add("embeddings.word_embeddings.weight", facts.vocabulary * h);
  list.add("embeddings.position_embeddings.weight", facts.max_positions * h);
  list.add("embeddings.token_type_embeddings.weight", facts.token_types * h);
  list.norm("embeddings.LayerNorm", h);
  for (std::int64_t i = 0; i < facts.layers; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i) + ".";
    for (const char* name : {"attention.self.query", "attention.self.key", "attention.self.value",
                             "attention.output.dense"})
      list.linear(layer + name, h, h);
    list.norm(layer + "attention.output.LayerNorm", h);
    list.linear(layer + "intermediate.dense", wide, h);
    list.linear(layer + "output.dense", h, wide);
    list.norm(layer + "output.LayerNorm", h);
  }
  if (pooling == "cls" && facts.model_type == "bert") list.linear("pooler.dense", h, h);
  return list.take();
}

std::vector<BaseTensor> gpt2(const BaseFacts& facts) {
  const std::int64_t h = facts.hidden, wide = facts.intermediate;
  List list("transformer.");
  list.add("wte.weight", facts.vocabulary * h);
  list.add("wpe.weight", facts.max_positions * h);
  for (std::int64_t i = 0; i < facts.layers; ++i) {
    const std::string layer = "h." + std::to_string(i) + ".";
    list.norm(layer + "ln_1", h);
    list.linear(layer + "attn.c_attn", 3 * h, h);
    list.linear(layer + "attn.c_proj", h, h);
    list.norm(layer + "ln_2", h);
    list.linear(layer + "mlp.c_fc", wide, h);
    list.linear(layer + "mlp.c_proj", h, wide);
  }
  list.norm("ln_f", h);
  return list.take();
}

std::vector<BaseTensor> llama(const BaseFacts& facts) {
  const std::int64_t h = facts.hidden, wide = facts.intermediate;
  List list("model.");
  list.add("embed_tokens.weight", facts.vocabulary * h);
  for (std::int64_t i = 0; i < facts.layers; ++i) {
    const std::string layer = "layers." + std::to_string(i) + ".";
    list.linear(layer + "self_attn.q_proj", facts.query_width, h, facts.qkv_bias);
    list.linear(layer + "self_attn.k_proj", facts.key_width, h, facts.qkv_bias);
    list.linear(layer + "self_attn.v_proj", facts.key_width, h, facts.qkv_bias);
    list.linear(layer + "self_attn.o_proj", h, facts.query_width, facts.out_bias);
    list.linear(layer + "mlp.gate_proj", wide, h, facts.mlp_bias);
    list.linear(layer + "mlp.up_proj", wide, h, facts.mlp_bias);
    list.linear(layer + "mlp.down_proj", h, wide, facts.mlp_bias);
    list.norm(layer + "input_layernorm", h, false);
    list.norm(layer + "post_attention_layernorm", h, false);
  }
  list.norm("norm", h, false);
  return list.take();
}

}  // namespace

std::vector<BaseTensor> base_tensors(const BaseFacts& facts, const std::string& pooling) {
  if (facts.is_encoder()) return encoder(facts, pooling);
  return facts.model_type == "gpt2" ? gpt2(facts) : llama(facts);
}

}  // namespace plateau
