#include <array>

#include "common/base/text.h"
#include "common/spec/base_settings.h"
#include "worker/trainer/model/bert.h"
#include "worker/trainer/model/gpt2.h"
#include "worker/trainer/model/llama.h"
#include "worker/trainer/model/model.h"
#include "worker/trainer/model/weight_source.h"

namespace plateau::trainer {
namespace {

using Loader = Result<std::shared_ptr<const Model>> (*)(const nlohmann::json& config,
                                                        const std::string& where,
                                                        std::shared_ptr<const WeightSource> weights,
                                                        const LoadOptions& options);

struct Architecture {
  const char* model_type;
  Loader load;
};

// One line an architecture.
constexpr std::array kArchitectures = {
    Architecture{"bert", load_bert},     Architecture{"roberta", load_roberta},
    Architecture{"gpt2", load_gpt2},     Architecture{"llama", load_llama},
    Architecture{"mistral", load_llama}, Architecture{"qwen2", load_llama},
};

}  // namespace

std::vector<std::string> supported_architectures() {
  std::vector<std::string> names;
  for (const Architecture& architecture : kArchitectures)
    names.emplace_back(architecture.model_type);
  return names;
}

Result<std::shared_ptr<const Model>> load_model(const std::filesystem::path& path,
                                                const LoadOptions& given) {
  // An open dtype or device would be resolved anew at every use.
  LoadOptions options = given;
  options.options = at::TensorOptions().dtype(given.options.dtype()).device(given.options.device());
  auto base = open_base(path);
  if (!base) return base.error();
  const nlohmann::json& config = base->config;
  const std::string type = config.at("model_type");
  for (const Architecture& architecture : kArchitectures) {
    if (type != architecture.model_type) continue;
    if (Status status = check_settings(config, base->where); !status) return status.error();
    return architecture.load(config, base->where, base->weights, options);
  }
  return invalid_argument(
      base->where + ": the architecture '" + type +
      "' is not supported; supported: " + join(supported_architectures(), ", "));
}

}  // namespace plateau::trainer
