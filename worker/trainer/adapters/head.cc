#include "worker/trainer/adapters/head.h"

#include <ATen/ATen.h>

#include "common/base/random.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer {

at::Tensor Head::logits(const at::Tensor& features) const {
  at::Tensor x = features.to(weight.dtype());
  if (kind == HeadKind::kDenseTanh) x = at::tanh(at::linear(x, dense_weight, dense_bias));
  return bias.defined() ? at::linear(x, weight, bias) : at::linear(x, weight);
}

std::int64_t Head::parameters() const {
  std::int64_t count = 0;
  for (const TrainedTensor& tensor : trained())
    count += tensor.value.numel();
  return count;
}

std::vector<TrainedTensor> Head::trained() const {
  if (!weight.defined()) return {};
  switch (kind) {
    case HeadKind::kScore:
      return {{"score.weight", weight}};
    case HeadKind::kDenseTanh:
      return {{"classifier.dense.weight", dense_weight},
              {"classifier.dense.bias", dense_bias},
              {"classifier.out_proj.weight", weight},
              {"classifier.out_proj.bias", bias}};
    case HeadKind::kLinear:
      break;
  }
  return {{"classifier.weight", weight}, {"classifier.bias", bias}};
}

Head make_head(const Model& model, std::int64_t outputs, std::uint64_t seed) {
  const ModelInfo& info = model.info();
  Head head;
  head.kind = info.head;
  if (info.pooling == Pooling::kTokens) return head;
  const at::TensorOptions options = trained_options(model);
  const auto normal = [&](std::int64_t rows, const char* stream) {
    return as_leaf(normal_tensor({rows, info.hidden}, info.initializer_range,
                                 derive_seed(seed, stream), options));
  };
  head.weight = normal(outputs, "head");
  if (head.kind != HeadKind::kScore) head.bias = as_leaf(at::zeros({outputs}, options));
  if (head.kind == HeadKind::kDenseTanh) {
    head.dense_weight = normal(info.hidden, "head dense");
    head.dense_bias = as_leaf(at::zeros({info.hidden}, options));
  }
  return head;
}

}  // namespace plateau::trainer
