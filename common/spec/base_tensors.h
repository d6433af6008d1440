// The tensors of a base and which of them a selective method trains, from names and shapes alone:
// one rule for the counts that `plateau plan` prints and for the trainer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/spec/parameters.h"

namespace plateau {

// Whether `method` (none, bitfit, layer_norm, last_layers, full) trains the tensor of this name.
// - bitfit: biases, those of norms and of a pooler included;
// - layer_norm: weights and biases of every LayerNorm or RMSNorm;
// - last_layers: everything inside the last `trained_layers` of `layers` blocks.
bool trains_tensor(const std::string& method, const nlohmann::json& parameters, std::int64_t layers,
                   const std::string& name);
bool is_selective(const std::string& method);
// Whether it trains weights of linear layers or embeddings, which must then be kept as numbers.
bool trains_matrices(const std::string& method);

// One tensor of the base, as its checkpoint names it.
struct BaseTensor {
  std::string name;
  std::int64_t elements = 0;
  std::int64_t out = 0, in = 0;  // of a linear layer's weight; else 0
};
// All that is computed: with mean pooling the pooler is not part of the model.
std::vector<BaseTensor> base_tensors(const BaseFacts& facts, const std::string& pooling);

}  // namespace plateau
