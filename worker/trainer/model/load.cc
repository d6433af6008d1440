#include <array>

#include "common/base/file.h"
#include "common/base/text.h"
#include "worker/trainer/model/bert.h"
#include "worker/trainer/model/gpt2.h"
#include "worker/trainer/model/llama.h"
#include "worker/trainer/model/model.h"

namespace plateau::trainer {
namespace {

using Loader = Result<std::shared_ptr<const Model>> (*)(const nlohmann::json& config,
                                                        const std::string& where,
                                                        ModelWeights weights,
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

Result<std::shared_ptr<const Model>> load_model(const std::filesystem::path& folder,
                                                const LoadOptions& given) {
  // An open dtype or device would be resolved anew at every use.
  LoadOptions options = given;
  options.options = at::TensorOptions().dtype(given.options.dtype()).device(given.options.device());
  const std::string where = (folder / "config.json").string();
  const auto text = read_file(where);
  if (!text) return text.error();
  const nlohmann::json config = nlohmann::json::parse(*text, nullptr, false);
  if (!config.is_object() || !config.contains("model_type") || !config["model_type"].is_string()) {
    return corrupt(where +
                   " is no Hugging Face configuration: it is not a JSON object with a "
                   "\"model_type\". Give a folder that transformers saved.");
  }
  const std::string type = config["model_type"];
  for (const Architecture& architecture : kArchitectures) {
    if (type != architecture.model_type) continue;
    auto weights = ModelWeights::open(folder);
    if (!weights) return weights.error();
    return architecture.load(config, where, std::move(*weights), options);
  }
  return invalid_argument(
      where + ": the architecture '" + type +
      "' is not supported; supported: " + join(supported_architectures(), ", "));
}

}  // namespace plateau::trainer
