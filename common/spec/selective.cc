#include <algorithm>
#include <array>
#include <cctype>

#include "common/base/text.h"
#include "common/spec/base_tensors.h"

namespace plateau {
namespace {

// "LayerNorm", "input_layernorm", "norm", "ln_1": the module that holds the tensor.
bool is_norm(const std::string& name) {
  const std::vector<std::string> parts = split(name, '.');
  if (parts.size() < 2) return false;
  std::string module = parts[parts.size() - 2];
  std::transform(module.begin(), module.end(), module.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return module.find("norm") != std::string::npos || module.starts_with("ln_");
}

// The number of the block a tensor belongs to: the first number in its path; -1 outside of blocks.
std::int64_t block_of(const std::string& name) {
  for (const std::string& part : split(name, '.')) {
    const bool digits =
        !part.empty() && part.size() < 10 &&
        std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (digits) return std::stoll(part);
  }
  return -1;
}

}  // namespace

bool is_selective(const std::string& method) {
  constexpr std::array kMethods = {"none", "bitfit", "layer_norm", "last_layers", "full"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

bool trains_matrices(const std::string& method) {
  return method == "full" || method == "last_layers";
}

bool trains_tensor(const std::string& method, const nlohmann::json& parameters, std::int64_t layers,
                   const std::string& name) {
  if (method == "full") return true;
  if (method == "bitfit") return name.ends_with("bias");
  if (method == "layer_norm") return is_norm(name);
  if (method != "last_layers") return false;
  const std::int64_t block = block_of(name);
  return block >= 0 && block >= layers - parameters.at("trained_layers").get<std::int64_t>();
}

}  // namespace plateau
