// What a trial may add to the frozen model, and where: the seam between model/ and adapters/.
//
// The model asks every trial of the pack at each linear layer, each tensor, each sub-layer and each
// block. A method overrides what it uses. All hooks see the trial's own rows only. What a hook
// returns may be a leaf (float32 or float64, cast by the model where it computes in another dtype)
// or stand in the graph that begin_pass() started.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/base/check.h"
#include "worker/trainer/model/batch.h"
#include "worker/trainer/model/frozen_tensor.h"

namespace plateau::trainer {

// One tensor of the model, as the checkpoint names and shapes it. Tied weights occur once.
struct ModelParameter {
  std::string name;    // "bert.encoder.layer.0.attention.self.query.weight"
  FrozenTensor value;  // often a view of a fused matrix, [in, out] for GPT-2's Conv1D
};
inline constexpr std::size_t kNoParameter = std::numeric_limits<std::size_t>::max();

// One linear layer of the model as a target: y = x W^T + b.
struct LinearSite {
  std::string name;     // as Hugging Face names the module
  FrozenTensor weight;  // [out, in]; may be a view of a fused matrix
  at::Tensor bias;      // [out] or undefined
  // Indices into Model::parameters(), or kNoParameter.
  std::size_t weight_parameter = kNoParameter;
  std::size_t bias_parameter = kNoParameter;
  // The checkpoint holds the matrix as [in, out] (GPT-2's Conv1D; PEFT's fan_in_fan_out). `weight`
  // is [out, in] all the same.
  bool transposed = false;

  std::int64_t in() const { return weight.size(1); }
  std::int64_t out() const { return weight.size(0); }
};

// What a branch sees of one pass: one trial's rows at one linear layer.
struct LinearInput {
  const LinearSite& site;
  at::Tensor x;                           // [rows, in]
  std::span<const std::int64_t> lengths;  // rows of each sequence; they sum up to rows
  DropoutKey key;
  at::Tensor bias;  // [out] or undefined: what y holds beside x W^T (the trial's own or the frozen)
  at::Tensor y = {};  // on the way back, where the branch keeps_output(): what forward() made of y
  at::Tensor sums = {};  // in backward(): what rescale() returned, if it was called
};

// What a trial adds at one linear layer, with its own derivative: the multiplication with the
// frozen matrix is shared by the pack, so autograd cannot see one trial's part by itself.
class LinearBranch {
 public:
  virtual ~LinearBranch() = default;
  // Leaves whose gradients backward() returns, in this order.
  virtual std::vector<at::Tensor> trained() const = 0;
  // Changes y = x W^T + b [rows, out] in place. Returns what backward() needs beside the input.
  virtual std::vector<at::Tensor> forward(const LinearInput& input, at::Tensor y) const = 0;
  // Whether backward() reads y. It often is the next operation's input, and then costs no memory.
  virtual bool keeps_output(const DropoutKey& key) const {
    (void)key;
    return false;
  }
  // Whether the gradient of the frozen product x W^T is not grad_y but what rescale() makes of it.
  virtual bool rescales(const DropoutKey& key) const {
    (void)key;
    return false;
  }
  // Writes it to `out`, where somebody needs grad_x. Returns what it found out on the way, for
  // backward(). Only of branches that say so.
  virtual at::Tensor rescale(const LinearInput& input, const at::Tensor& grad_y,
                             std::span<const at::Tensor> saved, at::Tensor out) const {
    (void)input, (void)grad_y, (void)saved, (void)out;
    PLATEAU_CHECK(false, "a branch that rescales its gradient says how");
  }
  // Adds the branch's part to grad_x [rows, in] in place (nullptr: nobody needs it) and returns
  // the gradients of trained().
  virtual std::vector<at::Tensor> backward(const LinearInput& input, const at::Tensor& grad_y,
                                           std::span<const at::Tensor> saved,
                                           at::Tensor* grad_x) const = 0;
};

// What a hook sees after a block: the trial's rows of the block's output.
struct BlockInput {
  std::int64_t layer = 0;
  std::span<const std::int64_t> lengths;
  DropoutKey key;
  std::span<const TextRows> texts = {};        // empty: the texts are all rows
  std::span<const std::int64_t> prompts = {};  // rows of each sequence's prompt; empty: all rows
};

inline BlockInput block_input(const RowShare& share, std::int64_t layer) {
  return {layer, share.lengths, share.key, share.texts, share.prompts};
}

enum class Sublayer { kAttention, kFeedForward };

// Whether a bottleneck sits behind a sub-layer, and what it reads there. y is the sub-layer's
// output before its residual x is added.
enum class SublayerEdit {
  kNone,
  kOutput,     // reads y (Houlsby)
  kNormedSum,  // reads norm(y + x) where the norm follows the sum (BERT), y + x elsewhere
               // (Pfeiffer)
};

struct SublayerInput {
  std::int64_t layer = 0;
  Sublayer sublayer = Sublayer::kAttention;
  std::span<const std::int64_t> lengths;
  DropoutKey key;
};

// Keys and values [tokens, key heads * head width] that stand in front of every sequence.
struct KeyValuePrefix {
  at::Tensor keys, values;
};

class TrialHooks {
 public:
  virtual ~TrialHooks() = default;
  // Called once before every forward pass: what is derived from trained tensors and belongs into
  // this pass's graph is made here, once for all layers.
  virtual void begin_pass() {}
  // The branch at linear layer `site` (index into Model::linears()), or nullptr.
  virtual const LinearBranch* linear(std::size_t site) const {
    (void)site;
    return nullptr;
  }
  // What the input of linear layer `site` is multiplied with, [in], or undefined (IA3's
  // feed-forward vectors). An ordinary autograd function.
  virtual at::Tensor input_scale(std::size_t site) const {
    (void)site;
    return {};
  }
  // The trial's own value of Model::parameters()[index], in its shape, or undefined: the frozen
  // one. Weights and biases of linear layers, norms, embeddings, the LM head alike. A trial with a
  // branch at a linear layer may bring its own bias there (PEFT's bias: "all"), but no own weight.
  virtual at::Tensor parameter(std::size_t index) const {
    (void)index;
    return {};
  }
  // Rows (from the trial's first) that edit_block() will replace after this block; each at most
  // once. Empty: nothing is done.
  virtual std::vector<std::int64_t> edited_rows(const BlockInput& input) const {
    (void)input;
    return {};
  }
  // The new values [edited rows, hidden] of the rows that edited_rows() named, from their old ones.
  // An ordinary autograd function.
  virtual at::Tensor edit_block(const BlockInput& input, const at::Tensor& rows) const {
    (void)input;
    return rows;
  }
  // Bottlenecks: whether there is one behind this sub-layer, and what it adds to y [rows, hidden],
  // from what it reads (see SublayerEdit). An ordinary autograd function.
  virtual SublayerEdit sublayer_edit(std::int64_t layer, Sublayer sublayer) const {
    (void)layer, (void)sublayer;
    return SublayerEdit::kNone;
  }
  virtual at::Tensor sublayer_addition(const SublayerInput& input, const at::Tensor& read) const {
    (void)input;
    return read;
  }
  // Prompt tuning: the word embeddings [tokens, hidden] in front of every sequence. They are rows
  // like others: lengths count them, a sequence's first row is the first virtual token, and
  // positions count from there. The number must not change while the trial lives.
  virtual std::int64_t virtual_tokens() const { return 0; }
  virtual at::Tensor virtual_embeddings() const { return {}; }
  // Prefix tuning: every layer's keys and values in front, used as they are (no rotary embedding).
  // No rows: the text's first token keeps row 0, its position is prefix_tokens().
  virtual std::int64_t prefix_tokens() const { return 0; }
  virtual KeyValuePrefix prefix(std::int64_t layer) const {
    (void)layer;
    return {};
  }
  // How many masked padding tokens stand in front of every text in the reference (pyreft's
  // pad-first data): they are not computed, but positions start behind them.
  virtual std::int64_t leading_pads() const { return 0; }
};

}  // namespace plateau::trainer
