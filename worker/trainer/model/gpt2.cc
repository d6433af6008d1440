#include "worker/trainer/model/gpt2.h"

#include <cmath>

#include <ATen/ATen.h>

#include "worker/trainer/model/attention.h"
#include "worker/trainer/model/builder.h"
#include "worker/trainer/model/recompute.h"

namespace plateau::trainer {
namespace {

struct Gpt2Config {
  std::int64_t hidden, layers, heads, intermediate, vocabulary, positions, padding;
  double epsilon, initializer_range;
  kernels::Activation activation;
  bool scales_scores, divides_by_layer, tied;
};

struct Layer {
  Norm attention_norm, norm;
  FrozenLinear qkv, attention_out, intermediate, out;
};

class Gpt2 : public Model {
 public:
  Gpt2(const Gpt2Config& config, WeightReader& reader, const LoadOptions& options)
      : config_(config) {
    ModelBuilder builder(reader, "transformer.", linears_, parameters_);
    word_ = builder.tensor("wte.weight", {config.vocabulary, config.hidden});
    position_ = builder.tensor("wpe.weight", {config.positions, config.hidden});
    for (std::int64_t i = 0; i < config.layers; ++i)
      layers_.push_back(read_layer(builder, "h." + std::to_string(i)));
    norm_ = builder.norm("ln_f", config.hidden, config.epsilon);
    if (options.pooling == Pooling::kTokens) lm_head_ = read_lm_head(reader);
    info_ = {"gpt2",
             config.hidden,
             config.layers,
             config.heads,
             config.hidden,
             config.vocabulary,
             config.positions,
             config.initializer_range,
             reader.parameters(),
             options.pooling,
             options.options,
             options.pooling == Pooling::kCls ? HeadKind::kScore : HeadKind::kLinear};
  }

  std::string block_name(std::int64_t layer) const override {
    return "transformer.h." + std::to_string(layer);
  }

 private:
  at::Tensor run(const PackedBatch& batch, std::shared_ptr<const PassRows> rows) const override {
    const std::vector<RowShare>& shares = rows->all.shares;
    at::Tensor h = embed_words(word_, batch, shares) + embed(position_, batch.position_ids, shares);
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
      h = run_block(
          batch.recompute,
          [this, layer, &batch, rows](const at::Tensor& x) {
            return edit_block_output(block(layer, x, batch, *rows), layer, *rows);
          },
          h);
    }
    return apply_norm(norm_, h, rows->last.shares);
  }

  std::vector<std::int64_t> read_rows(const PackedBatch& batch) const override {
    return last_rows(batch, config_.padding);
  }

  Layer read_layer(ModelBuilder& builder, const std::string& name) const {
    const std::int64_t d = config_.hidden, wide = config_.intermediate;
    Layer layer;
    layer.attention_norm = builder.norm(name + ".ln_1", d, config_.epsilon);
    layer.qkv = builder.transposed_linear(name + ".attn.c_attn", 3 * d, d);
    layer.attention_out = builder.transposed_linear(name + ".attn.c_proj", d, d);
    layer.norm = builder.norm(name + ".ln_2", d, config_.epsilon);
    layer.intermediate = builder.transposed_linear(name + ".mlp.c_fc", wide, d);
    layer.out = builder.transposed_linear(name + ".mlp.c_proj", d, wide);
    return layer;
  }

  Frozen read_lm_head(WeightReader& reader) {
    if (config_.tied) return word_;
    ModelBuilder builder(reader, "", linears_, parameters_);
    return builder.tensor("lm_head.weight", {config_.vocabulary, config_.hidden});
  }

  // Attention divides scores by the root of the heads' width; what else a configuration makes of
  // them is put on the queries.
  at::Tensor scale_queries(std::int64_t index, const at::Tensor& qkv) const {
    const std::int64_t d = config_.hidden;
    double scale = 1.0;
    if (!config_.scales_scores) scale *= std::sqrt(static_cast<double>(d / config_.heads));
    if (config_.divides_by_layer) scale /= static_cast<double>(index + 1);
    if (scale == 1.0) return qkv;
    return at::cat({qkv.narrow(1, 0, d) * scale, qkv.narrow(1, d, 2 * d)}, 1);
  }

  at::Tensor block(std::int64_t index, const at::Tensor& x, const PackedBatch& batch,
                   const PassRows& rows) const {
    const Layer& layer = layers_[static_cast<std::size_t>(index)];
    const at::Tensor normed = apply_norm(layer.attention_norm, x, rows.all.shares);
    const at::Tensor qkv =
        scale_queries(index, packed_linear(layer.qkv, linears_, normed, rows.all.shares));
    const BlockRows& kept = rows.behind_attention(index);
    const std::vector<RowShare>& shares = kept.shares;
    const at::Tensor h = kept.of(x);
    const at::Tensor context = kept.of(self_attention(
        qkv, batch, index, {config_.heads, config_.heads, true, BlindRow::kSeesItself}));
    const at::Tensor attended = packed_linear(layer.attention_out, linears_, context, shares);
    const at::Tensor middle =
        edit_sublayer({index, Sublayer::kAttention, nullptr}, attended, h, shares) + h;
    const at::Tensor wide =
        packed_linear(layer.intermediate, linears_, apply_norm(layer.norm, middle, shares), shares);
    const at::Tensor out = packed_linear(layer.out, linears_, wide, shares, config_.activation);
    return edit_sublayer({index, Sublayer::kFeedForward, nullptr}, out, middle, shares) + middle;
  }

  Gpt2Config config_;
  Frozen word_, position_;
  std::vector<Layer> layers_;
  Norm norm_;
};

}  // namespace

Result<std::shared_ptr<const Model>> load_gpt2(const nlohmann::json& json, const std::string& where,
                                               std::shared_ptr<const WeightSource> weights,
                                               const LoadOptions& options) {
  ConfigReader config(json, where);
  const std::int64_t hidden = config.count("n_embd");
  const Gpt2Config values{hidden,
                          config.count("n_layer"),
                          config.count("n_head"),
                          config.count("n_inner", 4 * hidden),
                          config.count("vocab_size"),
                          config.count("n_positions"),
                          config.token("pad_token_id", -1),
                          config.number("layer_norm_epsilon", 1e-5),
                          config.number("initializer_range", 0.02),
                          {config.curve("activation_function", "gelu_new")},
                          config.flag("scale_attn_weights", true),
                          config.flag("scale_attn_by_inverse_layer_idx", false),
                          config.flag("tie_word_embeddings", true)};
  if (!config.status()) return config.status().error();
  if (values.hidden % values.heads != 0) {
    return corrupt(where + ": n_embd " + std::to_string(values.hidden) +
                   " is no multiple of n_head " + std::to_string(values.heads));
  }
  WeightReader reader(std::move(weights), "transformer.", options);
  auto model = std::make_shared<Gpt2>(values, reader, options);
  if (!reader.status()) return reader.status().error();
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace plateau::trainer
