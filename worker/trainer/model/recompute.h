// Activation checkpointing: a block's inner activations are dropped after the forward pass and
// computed again in the backward pass (Chen et al. 2016, arXiv 1604.06174).
#pragma once

#include <functional>

#include <ATen/core/Tensor.h>

namespace plateau::trainer {

using BlockFunction = std::function<at::Tensor(const at::Tensor& h)>;

// block(h), of which only h and the result are kept. The second computation gives the same numbers
// (dropout comes from keys), so gradients are those of block(h) itself. What the block reads beside
// h must live, unchanged, until the backward pass. Gradients of trained tensors inside the block
// are added to their .grad() by that pass: it must be a call of torch::autograd::backward().
//
// A block in which nothing requires a gradient, for an h that requires none, stays without a graph.
at::Tensor recomputed(const BlockFunction& block, const at::Tensor& h);

// recomputed(), or block(h) itself.
at::Tensor run_block(bool recompute, const BlockFunction& block, const at::Tensor& h);

}  // namespace plateau::trainer
