#include "worker/trainer/model/weight_source.h"

#include <utility>

#include "common/base/file.h"
#include "common/gguf/gguf.h"
#include "worker/trainer/model/gguf_source.h"
#include "worker/trainer/model/tensors.h"

namespace plateau::trainer {
namespace {

class SafetensorsSource : public WeightSource {
 public:
  explicit SafetensorsSource(ModelWeights weights) : weights_(std::move(weights)) {}

  bool has(const std::string& name) const override { return weights_.find(name) != nullptr; }

  Result<std::vector<std::int64_t>> shape_of(const std::string& name) const override {
    const auto view = weights_.get(name);
    if (!view) return view.error();
    return view->shape;
  }

  Result<at::Tensor> read(const std::string& name,
                          const at::TensorOptions& options) const override {
    const auto view = weights_.get(name);
    if (!view) return view.error();
    return to_tensor(*view, options);
  }

 private:
  ModelWeights weights_;
};

Result<BaseFiles> open_folder(const std::filesystem::path& folder) {
  const std::string where = (folder / "config.json").string();
  const auto text = read_file(where);
  if (!text) return text.error();
  nlohmann::json config = nlohmann::json::parse(*text, nullptr, false);
  if (!config.is_object() || !config.contains("model_type") || !config["model_type"].is_string()) {
    return corrupt(where +
                   " is no Hugging Face configuration: it is not a JSON object with a "
                   "\"model_type\". Give a folder that transformers saved, or a GGUF file.");
  }
  auto weights = ModelWeights::open(folder);
  if (!weights) return weights.error();
  return BaseFiles{std::move(config), where,
                   std::make_shared<SafetensorsSource>(std::move(*weights))};
}

}  // namespace

Result<BaseFiles> open_base(const std::filesystem::path& path) {
  const auto gguf = gguf_of_base(path);
  return gguf ? open_gguf_base(*gguf) : open_folder(path);
}

}  // namespace plateau::trainer
