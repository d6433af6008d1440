// What a trial may add to the frozen model, and where: the seam between model/ and adapters/.
//
// The model asks every trial of the pack at each linear layer and each block. A method overrides
// what it uses. All hooks see the trial's own rows only.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "worker/trainer/model/batch.h"

namespace plateau::trainer {

// One linear layer of the model as a target: y = x W^T + b.
struct LinearSite {
  std::string name;   // as Hugging Face names the module
  at::Tensor weight;  // [out, in], frozen; may be a view of a fused matrix
  at::Tensor bias;    // [out] or undefined
  std::int64_t in() const { return weight.size(1); }
  std::int64_t out() const { return weight.size(0); }
};

// What a branch sees of one pass: one trial's rows at one linear layer.
struct LinearInput {
  const LinearSite& site;
  at::Tensor x;                           // [rows, in]
  std::span<const std::int64_t> lengths;  // rows of each sequence; they sum up to rows
  DropoutKey key;
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
  // The gradient of the frozen product x W^T: grad_y itself unless the branch rescales it.
  virtual at::Tensor frozen_gradient(const at::Tensor& grad_y,
                                     std::span<const at::Tensor> saved) const {
    (void)saved;
    return grad_y;
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
};

}  // namespace plateau::trainer
