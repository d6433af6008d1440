#include "worker/trainer/model/builder.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "worker/kernels/quantize_nf4.h"

namespace plateau::trainer {
namespace {

// Matrices of numbers become one, and views of it.
void fuse(std::vector<FrozenTensor>& whole, std::vector<FrozenTensor>& parts) {
  std::vector<at::Tensor> numbers;
  for (const FrozenTensor& part : parts) {
    if (part.is_quantized()) return;
    numbers.push_back(part.dense());
  }
  const at::Tensor fused = at::cat(numbers);
  whole = {fused};
  std::int64_t first = 0;
  for (FrozenTensor& part : parts) {
    const std::int64_t rows = part.size(0);
    part = fused.narrow(0, first, rows);
    first += rows;
  }
}

}  // namespace

std::size_t ModelBuilder::add_parameter(const std::string& name, const FrozenTensor& value) {
  parameters_.push_back({prefix_ + name, value});
  return parameters_.size() - 1;
}

Frozen ModelBuilder::tensor(const std::string& name, const std::vector<std::int64_t>& shape) {
  const at::Tensor value = reader_.take(name, shape);
  return {add_parameter(name, value), value};
}

Frozen ModelBuilder::embeddings(const std::string& name, const std::vector<std::int64_t>& shape) {
  const FrozenTensor value = reader_.take_embeddings(name, shape);
  return {add_parameter(name, value), value};
}

Norm ModelBuilder::norm(const std::string& name, std::int64_t width, double epsilon,
                        bool has_bias) {
  Norm norm;
  norm.weight = tensor(name + ".weight", {width});
  if (has_bias) norm.bias = tensor(name + ".bias", {width});
  norm.epsilon = epsilon;
  return norm;
}

FrozenLinear ModelBuilder::linear(const std::vector<LinearSpec>& specs, std::int64_t in) {
  std::vector<FrozenTensor> weights;
  std::vector<at::Tensor> biases;
  bool any_bias = false;
  for (const LinearSpec& spec : specs) {
    weights.push_back(reader_.take_matrix(spec.name + ".weight", {spec.out, in}));
    biases.push_back(spec.bias ? reader_.take(spec.name + ".bias", {spec.out})
                               : at::zeros({spec.out}, weights.back().options()));
    any_bias = any_bias || spec.bias;
  }
  FrozenLinear linear{weights, any_bias ? at::cat(biases) : at::Tensor(), {}};
  fuse(linear.weights, weights);
  std::int64_t first = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const LinearSpec& spec = specs[i];
    LinearSite site;
    site.name = prefix_ + spec.name;
    site.weight = weights[i];
    site.weight_parameter = add_parameter(spec.name + ".weight", site.weight);
    if (spec.bias) {
      site.bias = linear.bias.narrow(0, first, spec.out);
      site.bias_parameter = add_parameter(spec.name + ".bias", site.bias);
    }
    linear.parts.push_back({linears_.size(), first});
    linears_.push_back(std::move(site));
    first += spec.out;
  }
  return linear;
}

FrozenLinear ModelBuilder::transposed_linear(const std::string& name, std::int64_t out,
                                             std::int64_t in) {
  Frozen weight = tensor(name + ".weight", {in, out});
  if (reader_.storage() == Storage::kNf4) {
    // As bitsandbytes does: in the orientation of a linear layer.
    const at::TensorOptions options = weight.value.options();
    const at::Tensor upright = weight.value.dense().t().contiguous();
    weight.value = FrozenTensor(kernels::quantize_nf4(upright), options).transposed();
    parameters_[weight.index].value = weight.value;
  }
  const Frozen bias = tensor(name + ".bias", {out});
  FrozenLinear linear{{weight.value.transposed()}, bias.value.dense(), {{linears_.size(), 0}}};
  linears_.push_back(
      {prefix_ + name, linear.weights.front(), linear.bias, weight.index, bias.index, true});
  return linear;
}

}  // namespace plateau::trainer
