#include "worker/trainer/model/llama.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "worker/trainer/model/attention.h"
#include "worker/trainer/model/builder.h"
#include "worker/trainer/model/recompute.h"
#include "worker/trainer/model/rotary.h"

namespace plateau::trainer {
namespace {

struct LlamaConfig {
  std::string model_type;
  std::int64_t hidden, layers, heads, key_heads, head_width, intermediate, vocabulary, positions,
      padding;
  std::vector<std::int64_t> windows;  // a layer
  double epsilon, initializer_range;
  double rotary_magnitude;
  kernels::Activation activation;
  bool qkv_bias, out_bias, mlp_bias, tied;
};

struct Layer {
  FrozenLinear qkv, attention_out, gate_up, down;
  Norm attention_norm, norm;
};

class Llama : public Model {
 public:
  Llama(const LlamaConfig& config, at::Tensor frequencies, WeightReader& reader,
        const LoadOptions& options)
      : config_(config), frequencies_(std::move(frequencies)) {
    ModelBuilder builder(reader, "model.", linears_, parameters_);
    // Tied output embeddings are multiplied with whole at every step: they are numbers.
    const bool as_output = config.tied && options.pooling == Pooling::kTokens;
    const std::vector<std::int64_t> table = {config.vocabulary, config.hidden};
    word_ = as_output ? builder.tensor("embed_tokens.weight", table)
                      : builder.embeddings("embed_tokens.weight", table);
    for (std::int64_t i = 0; i < config.layers; ++i)
      layers_.push_back(read_layer(builder, "layers." + std::to_string(i)));
    norm_ = builder.norm("norm", config.hidden, config.epsilon, false);
    if (options.pooling == Pooling::kTokens) lm_head_ = read_lm_head(reader);
    info_ = {config.model_type,
             config.hidden,
             config.layers,
             config.key_heads,
             key_width(),
             config.vocabulary,
             config.positions,
             config.initializer_range,
             reader.parameters(),
             options.pooling,
             options.options,
             options.pooling == Pooling::kCls ? HeadKind::kScore : HeadKind::kLinear};
  }

  std::string block_name(std::int64_t layer) const override {
    return "model.layers." + std::to_string(layer);
  }

 private:
  at::Tensor run(const PackedBatch& batch, std::shared_ptr<const PassRows> rows) const override {
    const std::vector<RowShare>& shares = rows->all.shares;
    const Rotation2d rotation =
        rotation_at(batch.position_ids, frequencies_, info_.options.dtype().toScalarType(),
                    config_.rotary_magnitude);
    at::Tensor h = embed_words(word_, batch, shares, config_.padding);
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
      h = run_block(
          batch.recompute,
          [this, layer, &batch, rows, rotation](const at::Tensor& x) {
            return edit_block_output(block(layer, x, batch, *rows, rotation), layer, *rows);
          },
          h);
    }
    return apply_norm(norm_, h, rows->last.shares);
  }

  std::vector<std::int64_t> read_rows(const PackedBatch& batch) const override {
    return last_rows(batch, config_.padding);
  }

  std::int64_t query_width() const { return config_.heads * config_.head_width; }
  std::int64_t key_width() const { return config_.key_heads * config_.head_width; }

  Layer read_layer(ModelBuilder& builder, const std::string& name) const {
    const std::int64_t d = config_.hidden, wide = config_.intermediate;
    const std::string self = name + ".self_attn.", mlp = name + ".mlp.";
    Layer layer;
    layer.qkv = builder.linear({{self + "q_proj", query_width(), config_.qkv_bias},
                                {self + "k_proj", key_width(), config_.qkv_bias},
                                {self + "v_proj", key_width(), config_.qkv_bias}},
                               d);
    layer.attention_out = builder.linear({{self + "o_proj", d, config_.out_bias}}, query_width());
    layer.gate_up = builder.linear(
        {{mlp + "gate_proj", wide, config_.mlp_bias}, {mlp + "up_proj", wide, config_.mlp_bias}},
        d);
    layer.down = builder.linear({{mlp + "down_proj", d, config_.mlp_bias}}, wide);
    layer.attention_norm = builder.norm(name + ".input_layernorm", d, config_.epsilon, false);
    layer.norm = builder.norm(name + ".post_attention_layernorm", d, config_.epsilon, false);
    return layer;
  }

  Frozen read_lm_head(WeightReader& reader) {
    if (config_.tied) return word_;
    ModelBuilder builder(reader, "", linears_, parameters_);
    return builder.tensor("lm_head.weight", {config_.vocabulary, config_.hidden});
  }

  at::Tensor block(std::int64_t index, const at::Tensor& x, const PackedBatch& batch,
                   const PassRows& rows, const Rotation2d& rotation) const {
    const Layer& layer = layers_[static_cast<std::size_t>(index)];
    const at::Tensor normed = apply_norm(layer.attention_norm, x, rows.all.shares);
    const at::Tensor qkv = packed_linear(layer.qkv, linears_, normed, rows.all.shares);
    const BlockRows& kept = rows.behind_attention(index);
    const std::vector<RowShare>& shares = kept.shares;
    const at::Tensor h = kept.of(x);
    const at::Tensor context = kept.of(
        self_attention(rotate_front(qkv, query_width() + key_width(), rotation), batch, index,
                       {config_.heads, config_.key_heads, true, BlindRow::kTakesMean,
                        config_.windows[static_cast<std::size_t>(index)]}));
    const at::Tensor attended = packed_linear(layer.attention_out, linears_, context, shares);
    const at::Tensor middle =
        edit_sublayer({index, Sublayer::kAttention, nullptr}, attended, h, shares) + h;
    const at::Tensor both =
        packed_linear(layer.gate_up, linears_, apply_norm(layer.norm, middle, shares), shares);
    const at::Tensor out = packed_linear(layer.down, linears_, both, shares, config_.activation);
    return edit_sublayer({index, Sublayer::kFeedForward, nullptr}, out, middle, shares) + middle;
  }

  LlamaConfig config_;
  at::Tensor frequencies_;
  Frozen word_;
  std::vector<Layer> layers_;
  Norm norm_;
};

// How many tokens each layer's attention looks back, 0: all. Qwen2's lower layers see everything,
// unless "layer_types" says which do; what a GGUF file says is for all of them.
std::vector<std::int64_t> windows_of(ConfigReader& config, const nlohmann::json& json,
                                     const LlamaConfig& values) {
  const auto layers = static_cast<std::size_t>(values.layers);
  const bool is_mistral = values.model_type == "mistral";
  const bool is_off = is_mistral
                          ? json.contains("sliding_window") && json["sliding_window"].is_null()
                          : !config.flag("use_sliding_window", false);
  if (is_off) return std::vector<std::int64_t>(layers, 0);
  std::vector<std::int64_t> windows(layers, config.count("sliding_window", 4096));
  if (is_mistral) return windows;
  const auto types = json.find("layer_types");
  const bool has_types = types != json.end() && types->is_array() && types->size() == layers;
  const auto first = static_cast<std::size_t>(config.number("max_window_layers", 28));
  for (std::size_t i = 0; i < layers; ++i) {
    const bool slides = has_types ? (*types)[i] == "sliding_attention" : i >= first;
    if (!slides) windows[i] = 0;
  }
  return windows;
}

LlamaConfig read_config(ConfigReader& config, const nlohmann::json& json) {
  LlamaConfig values;
  values.model_type = json.at("model_type");
  values.hidden = config.count("hidden_size");
  values.layers = config.count("num_hidden_layers");
  values.heads = config.count("num_attention_heads");
  values.key_heads = config.count("num_key_value_heads", values.heads);
  values.head_width = config.count("head_dim", values.hidden / values.heads);
  values.intermediate = config.count("intermediate_size");
  values.vocabulary = config.count("vocab_size");
  values.positions = config.count("max_position_embeddings");
  values.positions = std::min(values.positions, rotary_longest(json).value_or(values.positions));
  values.padding = config.token("pad_token_id", -1);
  values.windows = windows_of(config, json, values);
  values.epsilon = config.number("rms_norm_eps", 1e-6);
  values.initializer_range = config.number("initializer_range", 0.02);
  // Mistral and Qwen2 have no such switch.
  const bool is_llama = values.model_type == "llama";
  const bool bias = is_llama && config.flag("attention_bias", false);
  values.qkv_bias = bias || values.model_type == "qwen2";
  values.out_bias = bias;
  values.mlp_bias = is_llama && config.flag("mlp_bias", false);
  values.rotary_magnitude = rotary_magnitude(json);
  values.tied = config.flag("tie_word_embeddings", false);
  values.activation = {config.curve("hidden_act", "silu"), true};
  return values;
}

}  // namespace

Result<std::shared_ptr<const Model>> load_llama(const nlohmann::json& json,
                                                const std::string& where,
                                                std::shared_ptr<const WeightSource> weights,
                                                const LoadOptions& options) {
  ConfigReader config(json, where);
  const LlamaConfig values = read_config(config, json);
  if (!config.status()) return config.status().error();
  if (values.heads % values.key_heads != 0 || values.head_width % 2 != 0) {
    return corrupt(where + ": " + std::to_string(values.heads) + " attention heads of " +
                   std::to_string(values.head_width) + " and " + std::to_string(values.key_heads) +
                   " key heads do not go together");
  }
  auto frequencies = rotary_frequencies(json, where, values.head_width);
  if (!frequencies) return frequencies.error();
  WeightReader reader(std::move(weights), "model.", options);
  auto model = std::make_shared<Llama>(values, std::move(*frequencies), reader, options);
  if (!reader.status()) return reader.status().error();
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace plateau::trainer
