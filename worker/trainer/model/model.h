// A frozen pretrained transformer. One file an architecture; load.cc picks it by config.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/base/result.h"
#include "worker/trainer/model/batch.h"
#include "worker/trainer/model/frozen.h"
#include "worker/trainer/model/hooks.h"
#include "worker/trainer/model/pass_rows.h"
#include "worker/trainer/model/tensors.h"

namespace plateau::trainer {

enum class Pooling {
  kMean,  // over the tokens of the sequence
  kCls,   // the architecture's own: an encoder's pooler on the first token, a decoder's last token
  kTokens,  // none, for language modelling: every row is a feature, and there is an LM head
};

// The classifier that Hugging Face's model of this architecture has.
enum class HeadKind {
  kLinear,     // BERT: "classifier", with a bias
  kDenseTanh,  // RoBERTa: "classifier.dense", tanh, "classifier.out_proj"
  kScore,      // decoders: "score", without a bias
};

struct ModelInfo {
  std::string model_type;  // "bert"
  std::int64_t hidden = 0;
  std::int64_t layers = 0;
  std::int64_t key_heads = 0;  // heads of keys and values
  std::int64_t key_width = 0;  // of a token's keys in one layer: key heads * head width
  std::int64_t vocabulary = 0;
  std::int64_t max_positions = 0;
  double initializer_range = 0.02;  // standard deviation of a new head's weights
  std::int64_t parameters = 0;      // of what is computed: without the pooler when it is not used
  Pooling pooling = Pooling::kMean;
  at::TensorOptions options;          // dtype and device of weights and activations
  HeadKind head = HeadKind::kLinear;  // with kCls; kLinear with any other pooling
};

// Immutable after loading and shared by all trials of a process. No tensor of it ever requires a
// gradient.
class Model {
 public:
  virtual ~Model() = default;

  // States [N, hidden] behind the last block (and the last norm, where there is one), with each
  // trial's hooks. Differentiable in what the hooks train and in nothing else: below the lowest
  // trained layer there is no graph.
  at::Tensor states(const PackedBatch& batch) const;
  // Features [S, hidden] of the batch's sequences, pooled as ModelInfo says; with kTokens the
  // states themselves [N, hidden].
  at::Tensor pooled(const at::Tensor& states, const PackedBatch& batch) const;
  // Those of the batch's states. With kCls the last block leaves out what is not read.
  at::Tensor features(const PackedBatch& batch) const;

  const ModelInfo& info() const { return info_; }
  // Every linear layer that can be a target, in the model's order.
  const std::vector<LinearSite>& linears() const { return linears_; }
  // What the tensors take as they are kept, tied ones once.
  std::int64_t storage_bytes() const;
  // Every tensor, linear layers' included, in the model's order.
  const std::vector<ModelParameter>& parameters() const { return parameters_; }
  // The output embeddings [vocabulary, hidden] of language modelling; the input's where the two are
  // tied. Without a value unless the model was loaded with kTokens.
  const Frozen& lm_head() const { return lm_head_; }
  // The module that computes block `layer`: "bert.encoder.layer.0".
  virtual std::string block_name(std::int64_t layer) const = 0;

 protected:
  // States [rows.last, hidden] behind the last block. Blocks that are recomputed keep `rows`.
  virtual at::Tensor run(const PackedBatch& batch, std::shared_ptr<const PassRows> rows) const = 0;
  // With kCls: the row that is read of each sequence [S], ascending.
  virtual std::vector<std::int64_t> read_rows(const PackedBatch& batch) const = 0;
  // With kCls: features of these rows' states [S, hidden].
  virtual at::Tensor finish(const at::Tensor& read, const PackedBatch& batch) const {
    (void)batch;
    return read;
  }

  ModelInfo info_;
  std::vector<LinearSite> linears_;
  std::vector<ModelParameter> parameters_;
  Frozen lm_head_;
};

// How the matrices of linear layers are kept.
enum class Storage {
  kAsInFile,  // GGUF's blocks, embeddings included; numbers elsewhere
  kNumbers,   // in the model's dtype
  kNf4,       // 4-bit NormalFloat with double quantisation, made at load as bitsandbytes makes it
};

struct LoadOptions {
  Pooling pooling = Pooling::kMean;
  at::TensorOptions options;  // dtype and device
  Storage storage = Storage::kAsInFile;
};

// Reads a folder in Hugging Face format (config.json, model.safetensors or its shards), or a GGUF
// file or a folder with one.
// kNotFound, kCorrupt (a missing tensor, another shape than config.json says), kInvalidArgument
// (an architecture or activation that is not supported: named, with the list of those that are).
Result<std::shared_ptr<const Model>> load_model(const std::filesystem::path& path,
                                                const LoadOptions& options);

// The model types that load_model takes.
std::vector<std::string> supported_architectures();

}  // namespace plateau::trainer
