#include "worker/trainer/adapters/adapter.h"

#include <sstream>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace plateau::trainer {

TensorMap Adapter::exported() const {
  TensorMap tensors;
  for (const TrainedTensor& tensor : trained())
    tensors[tensor.name] = tensor.value.detach();
  return tensors;
}

Status Adapter::import(const TensorMap& tensors) {
  for (const TrainedTensor& tensor : trained()) {
    if (Status status = copy_into(tensors, tensor.name, tensor.value); !status) return status;
  }
  weights_changed();
  return {};
}

Result<std::vector<MergedParameter>> Adapter::merged() const {
  return invalid_argument(
      "this method's update is no change of the base's tensors and cannot be merged");
}

MergedParameter merged_weight(const LinearSite& site, const at::Tensor& weight) {
  return {site.weight_parameter, site.transposed ? weight.t().contiguous() : weight};
}

at::TensorOptions trained_options(const Model& model) {
  const at::TensorOptions options = model.info().options;
  const bool exact = c10::typeMetaToScalarType(options.dtype()) == at::kDouble;
  return options.dtype(exact ? at::kDouble : at::kFloat);
}

at::Tensor as_leaf(const at::Tensor& values) {
  return values.detach().clone(at::MemoryFormat::Contiguous).requires_grad_(true);
}

Status copy_into(const TensorMap& tensors, const std::string& name, at::Tensor target) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return corrupt("tensor " + name + " is missing");
  if (found->second.sizes() != target.sizes()) {
    std::ostringstream message;
    message << "tensor " << name << " has the shape " << found->second.sizes() << ", but "
            << target.sizes() << " is needed";
    return corrupt(message.str());
  }
  const at::NoGradGuard no_grad;
  target.copy_(found->second);
  return {};
}

}  // namespace plateau::trainer
