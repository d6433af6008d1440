#include "worker/trainer/adapters/head.h"

#include <ATen/ATen.h>

#include "common/base/random.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer {

at::Tensor Head::logits(const at::Tensor& features) const {
  return at::linear(features.to(weight.dtype()), weight, bias);
}

std::int64_t Head::parameters() const {
  return weight.numel() + bias.numel();
}

std::vector<TrainedTensor> Head::trained() const {
  return {{"classifier.weight", weight}, {"classifier.bias", bias}};
}

Head make_head(const Model& model, std::int64_t outputs, std::uint64_t seed) {
  const at::TensorOptions options = trained_options(model);
  const std::int64_t hidden = model.info().hidden;
  return {as_leaf(normal_tensor({outputs, hidden}, model.info().initializer_range,
                                derive_seed(seed, "head"), options)),
          as_leaf(at::zeros({outputs}, options))};
}

}  // namespace plateau::trainer
