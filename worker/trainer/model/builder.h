// Turns a folder's tensors into a model's layers: every tensor is read once, listed as a parameter
// and, where it is a linear layer, as a site.
#pragma once

#include <string>
#include <vector>

#include "worker/trainer/model/layers.h"
#include "worker/trainer/model/packed_linear.h"
#include "worker/trainer/model/weights.h"

namespace plateau::trainer {

// One linear layer to read: weight [out, in] and, if it has one, bias [out].
struct LinearSpec {
  std::string name;  // without the model's prefix
  std::int64_t out = 0;
  bool bias = true;
};

class ModelBuilder {
 public:
  // `prefix` is what Hugging Face's full model puts in front ("bert."). All references outlive it.
  ModelBuilder(WeightReader& reader, std::string prefix, std::vector<LinearSite>& linears,
               std::vector<ModelParameter>& parameters)
      : reader_(reader), prefix_(std::move(prefix)), linears_(linears), parameters_(parameters) {}

  Frozen tensor(const std::string& name, const std::vector<std::int64_t>& shape);
  Frozen embeddings(const std::string& name, const std::vector<std::int64_t>& shape);
  // Weight, and bias unless it is an RMSNorm.
  Norm norm(const std::string& name, std::int64_t width, double epsilon, bool has_bias = true);
  // Layers that read the same input, one below the other in one matrix.
  FrozenLinear linear(const std::vector<LinearSpec>& specs, std::int64_t in);
  // GPT-2's Conv1D: the file holds [in, out].
  FrozenLinear transposed_linear(const std::string& name, std::int64_t out, std::int64_t in);

 private:
  std::size_t add_parameter(const std::string& name, const FrozenTensor& value);

  WeightReader& reader_;
  std::string prefix_;
  std::vector<LinearSite>& linears_;
  std::vector<ModelParameter>& parameters_;
};

}  // namespace plateau::trainer
