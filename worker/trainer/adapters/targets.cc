#include "worker/trainer/adapters/targets.h"

#include <algorithm>

namespace plateau::trainer {

std::vector<std::string> site_names(const std::vector<LinearSite>& sites) {
  std::vector<std::string> names;
  for (const LinearSite& site : sites)
    names.push_back(site.name);
  return names;
}

Result<std::vector<std::size_t>> match_targets(const Model& model,
                                               const nlohmann::json& target_modules) {
  return match_modules(site_names(model.linears()), target_modules, model.info().model_type);
}

bool is_transposed(const Model& model) {
  return std::any_of(model.linears().begin(), model.linears().end(),
                     [](const LinearSite& site) { return site.transposed; });
}

}  // namespace plateau::trainer
