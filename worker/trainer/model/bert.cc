#include "worker/trainer/model/bert.h"

#include <ATen/ATen.h>

#include "worker/trainer/model/attention.h"
#include "worker/trainer/model/builder.h"
#include "worker/trainer/model/recompute.h"

namespace plateau::trainer {
namespace {

struct Layer {
  FrozenLinear qkv, attention_out, intermediate, out;
  Norm attention_norm, norm;
};

struct BertConfig {
  std::int64_t hidden, layers, heads, intermediate, vocabulary, positions, types;
  std::int64_t padding;
  double epsilon, initializer_range;
  kernels::Activation activation;
};

// Where RoBERTa (Liu et al. 2019, arXiv 1907.11692) differs.
struct Flavour {
  std::string model_type;            // and the name in front of every tensor
  std::int64_t default_padding = 0;  // the token where config.json does not say
  bool counts_padding = true;        // RoBERTa's positions skip it, and begin behind its number
  bool has_pooler = true;            // else the first token's state goes to the head as it is
  HeadKind head = HeadKind::kLinear;
};

class Bert : public Model {
 public:
  Bert(const BertConfig& config, Flavour flavour, WeightReader& reader, const LoadOptions& options)
      : config_(config), flavour_(std::move(flavour)) {
    const std::int64_t d = config.hidden;
    ModelBuilder builder(reader, flavour_.model_type + ".", linears_, parameters_);
    word_ = builder.tensor("embeddings.word_embeddings.weight", {config.vocabulary, d});
    position_ = builder.tensor("embeddings.position_embeddings.weight", {config.positions, d});
    type_ = builder.tensor("embeddings.token_type_embeddings.weight", {config.types, d});
    embedding_norm_ = builder.norm("embeddings.LayerNorm", d, config.epsilon);
    for (std::int64_t i = 0; i < config.layers; ++i)
      layers_.push_back(read_layer(builder, "encoder.layer." + std::to_string(i)));
    if (options.pooling == Pooling::kCls && flavour_.has_pooler) {
      pooler_ = builder.linear({{"pooler.dense", d}}, d);
    }
    info_ = {flavour_.model_type,
             d,
             config.layers,
             config.heads,
             d,
             config.vocabulary,
             config.positions - first_position(),
             config.initializer_range,
             reader.parameters(),
             options.pooling,
             options.options,
             HeadKind::kLinear};
    if (options.pooling == Pooling::kCls) info_.head = flavour_.head;
  }

  std::string block_name(std::int64_t layer) const override {
    return flavour_.model_type + ".encoder.layer." + std::to_string(layer);
  }

 private:
  at::Tensor run(const PackedBatch& batch, std::shared_ptr<const PassRows> rows) const override {
    const std::vector<RowShare>& shares = rows->all.shares;
    at::Tensor h =
        embed_words(word_, batch, shares, config_.padding) + embed(type_, batch.type_ids, shares) +
        embed(position_, positions(batch), shares, flavour_.counts_padding ? -1 : config_.padding);
    h = apply_norm(embedding_norm_, h, shares);
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
      h = run_block(
          batch.recompute,
          [this, layer, &batch, rows](const at::Tensor& x) {
            return edit_block_output(block(layer, x, batch, *rows), layer, *rows);
          },
          h);
    }
    return h;
  }

  std::vector<std::int64_t> read_rows(const PackedBatch& batch) const override {
    return batch.starts;
  }

  at::Tensor finish(const at::Tensor& first, const PackedBatch& batch) const override {
    if (!flavour_.has_pooler) return first;
    return at::tanh(packed_linear(pooler_, linears_, first, sequence_shares(batch)));
  }

  Layer read_layer(ModelBuilder& builder, const std::string& name) const {
    const std::int64_t d = config_.hidden, wide = config_.intermediate;
    const std::string self = name + ".attention.self.";
    Layer layer;
    layer.qkv = builder.linear({{self + "query", d}, {self + "key", d}, {self + "value", d}}, d);
    layer.attention_out = builder.linear({{name + ".attention.output.dense", d}}, d);
    layer.attention_norm = builder.norm(name + ".attention.output.LayerNorm", d, config_.epsilon);
    layer.intermediate = builder.linear({{name + ".intermediate.dense", wide}}, d);
    layer.out = builder.linear({{name + ".output.dense", d}}, wide);
    layer.norm = builder.norm(name + ".output.LayerNorm", d, config_.epsilon);
    return layer;
  }

  // Of a text's first token, in the table.
  std::int64_t first_position() const { return flavour_.counts_padding ? 0 : config_.padding + 1; }

  // Rows of the position table. RoBERTa numbers the tokens that do not pad, and the others all have
  // the number of the token that does, inside a text too; behind virtual tokens it numbers all.
  at::Tensor positions(const PackedBatch& batch) const {
    if (flavour_.counts_padding) return batch.position_ids;
    const at::Tensor pads =
        (batch.token_ids == config_.padding).logical_and_(batch.text_positions >= 0);
    for (const TrialShare& share : batch.shares)
      if (share.virtual_tokens > 0) pads.narrow(0, share.first_row, share.rows).fill_(false);
    const at::Tensor seen = at::cumsum(pads, 0);
    const at::Tensor starts = at::tensor(batch.starts, at::kLong).to(seen.device());
    const at::Tensor before =
        seen.index_select(0, starts) - pads.index_select(0, starts).to(at::kLong);
    const at::Tensor passed = seen - before.index_select(0, batch.sequence_of_row);
    return (batch.text_positions + first_position() - passed).masked_fill(pads, config_.padding);
  }

  at::Tensor block(std::int64_t index, const at::Tensor& x, const PackedBatch& batch,
                   const PassRows& rows) const {
    const Layer& layer = layers_[static_cast<std::size_t>(index)];
    const at::Tensor qkv = packed_linear(layer.qkv, linears_, x, rows.all.shares);
    const BlockRows& kept = rows.behind_attention(index);
    const std::vector<RowShare>& shares = kept.shares;
    const at::Tensor h = kept.of(x);
    const at::Tensor context =
        kept.of(self_attention(qkv, batch, index, {config_.heads, config_.heads}));
    at::Tensor attended = packed_linear(layer.attention_out, linears_, context, shares);
    attended =
        edit_sublayer({index, Sublayer::kAttention, &layer.attention_norm}, attended, h, shares);
    const at::Tensor middle = apply_norm(layer.attention_norm, attended + h, shares);
    const at::Tensor wide = packed_linear(layer.intermediate, linears_, middle, shares);
    at::Tensor out = packed_linear(layer.out, linears_, wide, shares, config_.activation);
    out = edit_sublayer({index, Sublayer::kFeedForward, &layer.norm}, out, middle, shares);
    return apply_norm(layer.norm, out + middle, shares);
  }

  BertConfig config_;
  Flavour flavour_;
  Frozen word_, position_, type_;
  Norm embedding_norm_;
  std::vector<Layer> layers_;
  FrozenLinear pooler_;
};

Error refuse_language_modelling(const std::string& where, const std::string& type) {
  return invalid_argument(
      where + ": '" + type +
      "' is an encoder and has no causal language model; take a decoder (gpt2, " +
      "llama, mistral, qwen2) or a classification task");
}

Result<std::shared_ptr<const Model>> load(const nlohmann::json& json, const std::string& where,
                                          std::shared_ptr<const WeightSource> weights,
                                          const LoadOptions& options, Flavour flavour) {
  ConfigReader config(json, where);
  const BertConfig values{config.count("hidden_size"),
                          config.count("num_hidden_layers"),
                          config.count("num_attention_heads"),
                          config.count("intermediate_size"),
                          config.count("vocab_size"),
                          config.count("max_position_embeddings"),
                          config.count("type_vocab_size"),
                          config.token("pad_token_id", flavour.default_padding),
                          config.number("layer_norm_eps", 1e-12),
                          config.number("initializer_range", 0.02),
                          {config.curve("hidden_act", "gelu")}};
  if (options.pooling == Pooling::kTokens)
    return refuse_language_modelling(where, flavour.model_type);
  if (!config.status()) return config.status().error();
  if (values.hidden % values.heads != 0) {
    return corrupt(where + ": hidden_size " + std::to_string(values.hidden) +
                   " is no multiple of num_attention_heads " + std::to_string(values.heads));
  }
  WeightReader reader(std::move(weights), flavour.model_type + ".", options);
  auto model = std::make_shared<Bert>(values, std::move(flavour), reader, options);
  if (!reader.status()) return reader.status().error();
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace

Result<std::shared_ptr<const Model>> load_bert(const nlohmann::json& config,
                                               const std::string& where,
                                               std::shared_ptr<const WeightSource> weights,
                                               const LoadOptions& options) {
  return load(config, where, std::move(weights), options,
              {"bert", 0, true, true, HeadKind::kLinear});
}

Result<std::shared_ptr<const Model>> load_roberta(const nlohmann::json& config,
                                                  const std::string& where,
                                                  std::shared_ptr<const WeightSource> weights,
                                                  const LoadOptions& options) {
  return load(config, where, std::move(weights), options,
              {"roberta", 1, false, false, HeadKind::kDenseTanh});
}

}  // namespace plateau::trainer
