#include "worker/trainer/model/builder.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace plateau::trainer {

std::size_t ModelBuilder::add_parameter(const std::string& name, const at::Tensor& value) {
  parameters_.push_back({prefix_ + name, value});
  return parameters_.size() - 1;
}

Frozen ModelBuilder::tensor(const std::string& name, const std::vector<std::int64_t>& shape) {
  const at::Tensor value = reader_.take(name, shape);
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
  std::vector<at::Tensor> weights, biases;
  bool any_bias = false;
  for (const LinearSpec& spec : specs) {
    weights.push_back(reader_.take(spec.name + ".weight", {spec.out, in}));
    biases.push_back(spec.bias ? reader_.take(spec.name + ".bias", {spec.out})
                               : at::zeros({spec.out}, weights.back().options()));
    any_bias = any_bias || spec.bias;
  }
  FrozenLinear linear{at::cat(weights), any_bias ? at::cat(biases) : at::Tensor(), {}};
  std::int64_t first = 0;
  for (const LinearSpec& spec : specs) {
    LinearSite site;
    site.name = prefix_ + spec.name;
    site.weight = linear.weight.narrow(0, first, spec.out);
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
  const Frozen weight = tensor(name + ".weight", {in, out});
  const Frozen bias = tensor(name + ".bias", {out});
  FrozenLinear linear{weight.value.t(), bias.value, {{linears_.size(), 0}}};
  linears_.push_back({prefix_ + name, linear.weight, bias.value, weight.index, bias.index, true});
  return linear;
}

}  // namespace plateau::trainer
