#include "worker/kernels/attention.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "worker/kernels/cpu_loops.h"
#include "worker/kernels/loops_of.h"

namespace plateau::kernels {
namespace {

// Where a head's rows begin.
template <typename Void>
Rows<Void> head_rows(const at::Tensor& rows, std::int64_t first, std::int64_t head,
                     std::int64_t width) {
  auto* data = static_cast<char*>(rows.data_ptr());
  return {data + (first * rows.stride(0) + head * width) * rows.element_size(), rows.stride(0)};
}

class Heads {
 public:
  Heads(const AttentionInput& input, const std::vector<AttentionSpan>& spans,
        const AttentionShape& shape)
      : input_(input),
        spans_(spans),
        shape_(shape),
        group_(shape.heads / shape.key_heads),
        width_(input.queries.size(1) / shape.heads),
        kernel_(loops_of(cpu_loops().attention, input.queries.scalar_type(), "attention")) {
    for (const at::Tensor& rows : {input.queries, input.keys, input.values}) {
      TORCH_CHECK(rows.dim() == 2 && rows.stride(1) == 1 && rows.device().is_cpu() &&
                      rows.scalar_type() == input.queries.scalar_type(),
                  "attention reads rows of one dtype on the CPU");
    }
    TORCH_CHECK(shape.heads % shape.key_heads == 0 && input.queries.size(1) % shape.heads == 0 &&
                    input.keys.size(1) == shape.key_heads * width_ &&
                    input.values.size(1) == input.keys.size(1),
                "attention's widths do not fit its heads");
  }

  // `work` for every key head of every sequence, several threads side by side.
  template <typename Work>
  void each(const Work& work) const {
    const auto count = static_cast<std::int64_t>(spans_.size()) * shape_.key_heads;
    at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
      std::int64_t bytes = 0;
      for (std::int64_t i = begin; i < end; ++i)
        bytes = std::max(bytes, kernel_.workspace_bytes(head_shape(span_of(i))));
      const at::Tensor workspace = at::empty({bytes}, at::kByte);
      for (std::int64_t i = begin; i < end; ++i) {
        HeadTask task = task_of(span_of(i), i % shape_.key_heads);
        task.workspace = workspace.data_ptr();
        work(task, span_of(i), i % shape_.key_heads);
      }
    });
  }

  template <typename Void>
  Rows<Void> query_rows(const at::Tensor& rows, const AttentionSpan& span,
                        std::int64_t key_head) const {
    return head_rows<Void>(rows, span.first_query, key_head * group_, width_);
  }
  template <typename Void>
  Rows<Void> key_rows(const at::Tensor& rows, const AttentionSpan& span,
                      std::int64_t key_head) const {
    return head_rows<Void>(rows, span.first_key, key_head, width_);
  }
  // The first logarithm of the group; those of a row are next to each other.
  void set_logsumexp(HeadTask& task, const at::Tensor& logsumexp, const AttentionSpan& span,
                     std::int64_t key_head) const {
    task.logsumexp = head_rows<void>(logsumexp, span.first_query, key_head * group_, 1).at;
    task.logsumexp_stride = logsumexp.stride(0);
  }
  const HeadKernel& kernel() const { return kernel_; }

 private:
  const AttentionSpan& span_of(std::int64_t i) const {
    return spans_[static_cast<std::size_t>(i / shape_.key_heads)];
  }

  HeadShape head_shape(const AttentionSpan& span) const {
    return {span.queries, span.keys, span.seen_begin, span.seen_end,
            group_,       width_,    shape_.causal,   1.0 / std::sqrt(static_cast<double>(width_))};
  }

  HeadTask task_of(const AttentionSpan& span, std::int64_t key_head) const {
    HeadTask task;
    task.shape = head_shape(span);
    task.queries = query_rows<const void>(input_.queries, span, key_head);
    task.keys = key_rows<const void>(input_.keys, span, key_head);
    task.values = key_rows<const void>(input_.values, span, key_head);
    return task;
  }

  const AttentionInput& input_;
  const std::vector<AttentionSpan>& spans_;
  AttentionShape shape_;
  std::int64_t group_, width_;
  const HeadKernel& kernel_;
};

bool hides_keys(const AttentionSpan& span) {
  return span.seen_begin > 0 || span.seen_end < span.keys;
}

}  // namespace

AttentionOutput attention_forward(const AttentionInput& input,
                                  const std::vector<AttentionSpan>& spans,
                                  const AttentionShape& shape) {
  const Heads heads(input, spans, shape);
  const at::Tensor& q = input.queries;
  const auto sums = q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  AttentionOutput result{at::empty({q.size(0), q.size(1)}, q.options().requires_grad(false)),
                         at::empty({q.size(0), shape.heads}, sums)};
  heads.each([&](HeadTask& task, const AttentionSpan& span, std::int64_t key_head) {
    task.out = heads.query_rows<void>(result.out, span, key_head);
    heads.set_logsumexp(task, result.logsumexp, span, key_head);
    heads.kernel().forward(task);
  });
  return result;
}

void attention_backward(const AttentionInput& input, const at::Tensor& logsumexp,
                        const at::Tensor& gradient, const std::vector<AttentionSpan>& spans,
                        const AttentionShape& shape, const AttentionInput& gradients) {
  const Heads heads(input, spans, shape);
  if (std::any_of(spans.begin(), spans.end(), hides_keys)) {
    gradients.keys.zero_();
    gradients.values.zero_();
  }
  heads.each([&](HeadTask& task, const AttentionSpan& span, std::int64_t key_head) {
    heads.set_logsumexp(task, logsumexp, span, key_head);
    task.gradient = heads.query_rows<const void>(gradient, span, key_head);
    task.query_gradient = heads.query_rows<void>(gradients.queries, span, key_head);
    task.key_gradient = heads.key_rows<void>(gradients.keys, span, key_head);
    task.value_gradient = heads.key_rows<void>(gradients.values, span, key_head);
    heads.kernel().backward(task);
  });
}

}  // namespace plateau::kernels
