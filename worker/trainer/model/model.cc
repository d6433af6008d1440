#include "worker/trainer/model/model.h"

#include <ATen/ATen.h>

#include "worker/trainer/model/layers.h"

namespace plateau::trainer {
namespace {

// Rows of a batch, of x that has `rows` of it.
at::Tensor select(const at::Tensor& x, const BlockRows& rows,
                  const std::vector<std::int64_t>& wanted) {
  if (wanted == rows.kept) return x;
  std::vector<std::int64_t> places;
  for (const std::int64_t row : wanted)
    places.push_back(rows.place_of(row));
  return x.index_select(0, at::tensor(places, at::kLong).to(x.device()));
}

}  // namespace

at::Tensor Model::states(const PackedBatch& batch) const {
  return run(batch, std::make_shared<const PassRows>(pass_rows(batch, info_.layers, {})));
}

at::Tensor Model::pooled(const at::Tensor& states, const PackedBatch& batch) const {
  if (info_.pooling == Pooling::kTokens) return states;
  if (info_.pooling == Pooling::kMean) return mean_of_text(states, batch);
  return finish(select(states, {}, read_rows(batch)), batch);
}

at::Tensor Model::features(const PackedBatch& batch) const {
  if (info_.pooling != Pooling::kCls) return pooled(states(batch), batch);
  const std::vector<std::int64_t> read = read_rows(batch);
  const auto rows = std::make_shared<const PassRows>(pass_rows(batch, info_.layers, read));
  return finish(select(run(batch, rows), rows->last, read), batch);
}

std::int64_t Model::storage_bytes() const {
  std::int64_t bytes = 0;
  for (const ModelParameter& parameter : parameters_)
    bytes += parameter.value.size_bytes();
  return bytes;
}

}  // namespace plateau::trainer
