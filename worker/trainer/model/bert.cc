#include "worker/trainer/model/bert.h"

#include <ATen/ATen.h>

#include "worker/trainer/model/attention.h"
#include "worker/trainer/model/packed_linear.h"
#include "worker/trainer/model/weights.h"

namespace plateau::trainer {
namespace {

struct Norm {
  at::Tensor weight, bias;
};

struct Layer {
  FrozenLinear qkv, attention_out, intermediate, out;
  Norm attention_norm, norm;
};

struct BertConfig {
  std::int64_t hidden, layers, heads, intermediate, vocabulary, positions, types;
  double epsilon, initializer_range;
};

class Bert : public Model {
 public:
  Bert(const BertConfig& config, WeightReader& reader, const LoadOptions& options)
      : config_(config) {
    const std::int64_t d = config.hidden;
    word_ = reader.take("embeddings.word_embeddings.weight", {config.vocabulary, d});
    position_ = reader.take("embeddings.position_embeddings.weight", {config.positions, d});
    type_ = reader.take("embeddings.token_type_embeddings.weight", {config.types, d});
    embedding_norm_ = read_norm(reader, "embeddings.LayerNorm");
    for (std::int64_t i = 0; i < config.layers; ++i)
      layers_.push_back(read_layer(reader, "encoder.layer." + std::to_string(i)));
    if (options.pooling == Pooling::kCls) {
      pooler_ = read_linear(reader, {"pooler.dense"}, d, d);
    }
    info_ = {"bert",
             d,
             config.layers,
             config.vocabulary,
             config.positions,
             config.initializer_range,
             reader.parameters(),
             options.pooling,
             options.options};
  }

  std::string block_name(std::int64_t layer) const override {
    return "bert.encoder.layer." + std::to_string(layer);
  }

  at::Tensor features(const PackedBatch& batch) const override {
    const std::vector<RowShare> shares = token_shares(batch);
    at::Tensor h = at::embedding(word_, batch.token_ids) + at::embedding(type_, batch.type_ids) +
                   at::embedding(position_, batch.position_ids);
    h = norm(h, embedding_norm_);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      h = block(layers_[i], h, batch, shares);
      h = edit_blocks(h, static_cast<std::int64_t>(i), shares);
    }
    return info_.pooling == Pooling::kMean ? mean(h, batch) : pooled(h, batch);
  }

 private:
  Norm read_norm(WeightReader& reader, const std::string& name) const {
    return {reader.take(name + ".weight", {config_.hidden}),
            reader.take(name + ".bias", {config_.hidden})};
  }

  // The named modules, each [out, in], one below the other in one matrix; sites are views of it.
  FrozenLinear read_linear(WeightReader& reader, const std::vector<std::string>& names,
                           std::int64_t out, std::int64_t in) {
    std::vector<at::Tensor> weights, biases;
    for (const std::string& name : names) {
      weights.push_back(reader.take(name + ".weight", {out, in}));
      biases.push_back(reader.take(name + ".bias", {out}));
    }
    FrozenLinear linear{at::cat(weights), at::cat(biases), {}};
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::int64_t first = static_cast<std::int64_t>(i) * out;
      linear.parts.push_back({linears_.size(), first});
      linears_.push_back({"bert." + names[i], linear.weight.narrow(0, first, out),
                          linear.bias.narrow(0, first, out)});
    }
    return linear;
  }

  Layer read_layer(WeightReader& reader, const std::string& name) {
    const std::int64_t d = config_.hidden, wide = config_.intermediate;
    const std::string self = name + ".attention.self.";
    Layer layer;
    layer.qkv = read_linear(reader, {self + "query", self + "key", self + "value"}, d, d);
    layer.attention_out = read_linear(reader, {name + ".attention.output.dense"}, d, d);
    layer.attention_norm = read_norm(reader, name + ".attention.output.LayerNorm");
    layer.intermediate = read_linear(reader, {name + ".intermediate.dense"}, wide, d);
    layer.out = read_linear(reader, {name + ".output.dense"}, d, wide);
    layer.norm = read_norm(reader, name + ".output.LayerNorm");
    return layer;
  }

  at::Tensor norm(const at::Tensor& x, const Norm& norm) const {
    return at::layer_norm(x, {config_.hidden}, norm.weight, norm.bias, config_.epsilon);
  }

  at::Tensor block(const Layer& layer, const at::Tensor& h, const PackedBatch& batch,
                   const std::vector<RowShare>& shares) const {
    const at::Tensor qkv = packed_linear(layer.qkv, linears_, h, shares);
    const at::Tensor context = attention(qkv, batch, config_.heads);
    const at::Tensor attended = packed_linear(layer.attention_out, linears_, context, shares);
    const at::Tensor middle = norm(attended + h, layer.attention_norm);
    const at::Tensor wide = at::gelu(packed_linear(layer.intermediate, linears_, middle, shares));
    const at::Tensor out = packed_linear(layer.out, linears_, wide, shares);
    return norm(out + middle, layer.norm);
  }

  static std::vector<RowShare> token_shares(const PackedBatch& batch) {
    std::vector<RowShare> shares;
    for (const TrialShare& share : batch.shares) {
      const auto first = batch.lengths.begin() + share.first_sequence;
      shares.push_back(
          {share.first_row, share.rows, {first, first + share.sequences}, share.hooks, share.key});
    }
    return shares;
  }

  // Only rows that a trial edits are replaced: everything else of h is passed on by copy.
  static at::Tensor edit_blocks(at::Tensor h, std::int64_t layer,
                                const std::vector<RowShare>& shares) {
    std::vector<at::Tensor> indices, edited;
    for (const RowShare& share : shares) {
      if (share.hooks == nullptr) continue;
      const BlockInput input{layer, share.lengths, share.key};
      std::vector<std::int64_t> rows = share.hooks->edited_rows(input);
      if (rows.empty()) continue;
      for (std::int64_t& row : rows)
        row += share.first_row;
      const at::Tensor index = at::tensor(rows, at::kLong).to(h.device());
      edited.push_back(share.hooks->edit_block(input, h.index_select(0, index)));
      indices.push_back(index);
    }
    if (indices.empty()) return h;
    return h.index_copy(0, at::cat(indices), at::cat(edited));
  }

  static at::Tensor mean(const at::Tensor& h, const PackedBatch& batch) {
    const at::Tensor lengths = at::tensor(batch.lengths, h.options().requires_grad(false));
    const at::Tensor sums = at::zeros({batch.sequences(), h.size(1)}, lengths.options())
                                .index_add(0, batch.sequence_of_row, h);
    return sums / lengths.unsqueeze(1);
  }

  at::Tensor pooled(const at::Tensor& h, const PackedBatch& batch) const {
    const at::Tensor first = h.index_select(0, at::tensor(batch.starts, at::kLong).to(h.device()));
    std::vector<RowShare> shares;
    for (const TrialShare& share : batch.shares) {
      shares.push_back({share.first_sequence, share.sequences,
                        std::vector<std::int64_t>(static_cast<std::size_t>(share.sequences), 1),
                        share.hooks, share.key});
    }
    return at::tanh(packed_linear(pooler_, linears_, first, shares));
  }

  BertConfig config_;
  at::Tensor word_, position_, type_;
  Norm embedding_norm_;
  std::vector<Layer> layers_;
  FrozenLinear pooler_;
};

}  // namespace

Result<std::shared_ptr<const Model>> load_bert(const nlohmann::json& json, const std::string& where,
                                               ModelWeights weights, const LoadOptions& options) {
  ConfigReader config(json, where);
  const BertConfig values{config.count("hidden_size"),
                          config.count("num_hidden_layers"),
                          config.count("num_attention_heads"),
                          config.count("intermediate_size"),
                          config.count("vocab_size"),
                          config.count("max_position_embeddings"),
                          config.count("type_vocab_size"),
                          config.number("layer_norm_eps", 1e-12),
                          config.number("initializer_range", 0.02)};
  config.require("hidden_act", {"gelu"});
  config.require("position_embedding_type", {"absolute"});
  if (!config.status()) return config.status().error();
  if (values.hidden % values.heads != 0) {
    return corrupt(where + ": hidden_size " + std::to_string(values.hidden) +
                   " is no multiple of num_attention_heads " + std::to_string(values.heads));
  }
  WeightReader reader(std::move(weights), "bert.", options);
  auto model = std::make_shared<Bert>(values, reader, options);
  if (!reader.status()) return reader.status().error();
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace plateau::trainer
