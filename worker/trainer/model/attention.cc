#include "worker/trainer/model/attention.h"

#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "worker/trainer/model/prefix_attention.h"

namespace plateau::trainer {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Shape {
  std::int64_t sequences, longest, heads;
};

// Flat rows [N, c] to padded ones [S * L, c]; the rest is zero.
at::Tensor pad(const at::Tensor& rows, const at::Tensor& padded_row, const Shape& shape) {
  at::Tensor padded = at::zeros({shape.sequences * shape.longest, rows.size(1)}, rows.options());
  return padded.index_copy_(0, padded_row, rows);
}

// [S * L, parts * d] as `part`: [S, heads, L, d / heads], a view.
at::Tensor head_view(const at::Tensor& padded, const Shape& shape, std::int64_t parts,
                     std::int64_t part) {
  const std::int64_t width = padded.size(1) / parts / shape.heads;
  return padded.view({shape.sequences, shape.longest, parts, shape.heads, width})
      .select(2, part)
      .transpose(1, 2);
}

// [S, heads, L, w] to [S * L, heads * w].
at::Tensor merge_heads(const at::Tensor& heads) {
  return heads.transpose(1, 2).reshape({heads.size(0) * heads.size(2), -1});
}

std::optional<at::Tensor> optional(const at::Tensor& tensor) {
  return tensor.defined() ? std::optional(tensor) : std::nullopt;
}

// Causal attention where rows are padding, written out: the fused kernels keep the logarithm of a
// row's sum, which vanishes beside the lowest number. What is not seen gets that number, as
// transformers has it.
at::Tensor attention_with_padding(const at::Tensor& queries, const at::Tensor& keys,
                                  const at::Tensor& values, const PackedBatch& batch,
                                  BlindRow blind) {
  const at::Tensor& mask = batch.key_mask;  // [S, 1, 1, L]
  const at::Tensor back =
      at::ones({batch.longest, batch.longest}, mask.options().dtype(at::kBool)).tril();
  const double lowest = mask.scalar_type() == at::kDouble ? std::numeric_limits<double>::lowest()
                                                          : std::numeric_limits<float>::lowest();
  const at::Tensor hidden = (mask == 0).logical_and(back).logical_not();
  at::Tensor added = at::zeros(hidden.sizes(), mask.options()).masked_fill(hidden, lowest);
  if (blind == BlindRow::kSeesItself) added.masked_fill_(back.logical_not(), -HUGE_VAL);
  const double scale = 1.0 / std::sqrt(static_cast<double>(queries.size(3)));
  const at::Tensor scores = at::matmul(queries, keys.transpose(2, 3)) * scale + added;
  return at::matmul(at::softmax(scores, 3), values);
}

class FusedAttention : public torch::autograd::Function<FusedAttention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& qkv,
                            const at::Tensor& padded_row, const std::optional<at::Tensor>& mask,
                            const std::vector<std::int64_t>& dims) {
    const Shape shape{dims[0], dims[1], dims[2]};
    const at::Tensor key_mask = mask.value_or(at::Tensor());
    const bool even = !key_mask.defined();
    const at::Tensor padded = even ? qkv.contiguous() : pad(qkv, padded_row, shape);
    const auto [out, logsumexp] = at::_scaled_dot_product_flash_attention_for_cpu(
        head_view(padded, shape, 3, 0), head_view(padded, shape, 3, 1),
        head_view(padded, shape, 3, 2), 0.0, false, optional(key_mask));
    context->save_for_backward({padded, out, logsumexp, padded_row, key_mask});
    context->saved_data["dims"] = dims;
    const at::Tensor merged = merge_heads(out);
    return even ? merged : merged.index_select(0, padded_row);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &padded = saved[0], &out = saved[1], &logsumexp = saved[2];
    const at::Tensor &padded_row = saved[3], &key_mask = saved[4];
    const auto dims = context->saved_data["dims"].toIntVector();
    const Shape shape{dims[0], dims[1], dims[2]};
    const bool even = !key_mask.defined();
    const at::Tensor grad = even ? gradients[0].contiguous() : pad(gradients[0], padded_row, shape);
    const auto [grad_q, grad_k, grad_v] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
        head_view(grad, shape, 1, 0), head_view(padded, shape, 3, 0),
        head_view(padded, shape, 3, 1), head_view(padded, shape, 3, 2), out, logsumexp, 0.0, false,
        optional(key_mask));
    const at::Tensor joined =
        at::cat({merge_heads(grad_q), merge_heads(grad_k), merge_heads(grad_v)}, 1);
    return {even ? joined : joined.index_select(0, padded_row), at::Tensor(), at::Tensor(),
            at::Tensor()};
  }
};

}  // namespace

at::Tensor attention(const at::Tensor& qkv, const PackedBatch& batch, std::int64_t heads) {
  if (!qkv.device().is_cpu()) return attention_by_autograd(qkv, batch, heads);
  return FusedAttention::apply(qkv, batch.padded_row, optional(batch.key_mask),
                               std::vector<std::int64_t>{batch.sequences(), batch.longest, heads});
}

at::Tensor attention_by_autograd(const at::Tensor& qkv, const PackedBatch& batch,
                                 std::int64_t heads) {
  const Shape shape{batch.sequences(), batch.longest, heads};
  const at::Tensor padded = at::zeros({shape.sequences * shape.longest, qkv.size(1)}, qkv.options())
                                .index_copy(0, batch.padded_row, qkv);
  const at::Tensor out = at::scaled_dot_product_attention(
      head_view(padded, shape, 3, 0), head_view(padded, shape, 3, 1),
      head_view(padded, shape, 3, 2), optional(batch.key_mask));
  return merge_heads(out).index_select(0, batch.padded_row);
}

at::Tensor causal_attention(const at::Tensor& queries, const at::Tensor& keys,
                            const at::Tensor& values, const PackedBatch& batch, std::int64_t layer,
                            std::int64_t heads, std::int64_t key_heads, BlindRow blind) {
  const std::vector<KeyValuePrefix> prefixes = layer_prefixes(batch, layer);
  if (!prefixes.empty())
    return prefix_attention(queries, keys, values, batch, {heads, key_heads, true}, prefixes);
  const auto as_heads = [&](const at::Tensor& rows, std::int64_t count) {
    const at::Tensor padded =
        at::zeros({batch.sequences() * batch.longest, rows.size(1)}, rows.options())
            .index_copy(0, batch.padded_row, rows);
    return head_view(padded, {batch.sequences(), batch.longest, count}, 1, 0);
  };
  const auto shared = [&](const at::Tensor& rows) {
    const at::Tensor own = as_heads(rows, key_heads);
    return heads == key_heads ? own : own.repeat_interleave(heads / key_heads, 1);
  };
  // Padding stands behind each text, so a row that looks only back never sees any, unless padding
  // is computed.
  const at::Tensor q = as_heads(queries, heads), k = shared(keys), v = shared(values);
  const at::Tensor out = batch.texts.empty()
                             ? at::scaled_dot_product_attention(q, k, v, std::nullopt, 0.0, true)
                             : attention_with_padding(q, k, v, batch, blind);
  return merge_heads(out).index_select(0, batch.padded_row);
}

}  // namespace plateau::trainer
