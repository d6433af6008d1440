#include "worker/trainer/adapters/selective.h"

#include <ATen/ATen.h>

#include "common/spec/base_tensors.h"

namespace plateau::trainer {
namespace {

class Selective : public Adapter {
 public:
  Selective(const Model& model, std::string method, const nlohmann::json& parameters)
      : model_(model),
        method_(std::move(method)),
        parameters_(parameters),
        own_(model.parameters().size()) {
    for (std::size_t i = 0; i < own_.size(); ++i) {
      const ModelParameter& frozen = model.parameters()[i];
      if (!trains_tensor(method_, parameters, model.info().layers, frozen.name)) continue;
      own_[i] = as_leaf(frozen.value.dense().to(trained_options(model)).clone());
    }
  }

  at::Tensor parameter(std::size_t index) const override { return own_[index]; }

  std::vector<TrainedTensor> trained() const override {
    std::vector<TrainedTensor> tensors;
    for (std::size_t i = 0; i < own_.size(); ++i) {
      if (own_[i].defined()) tensors.push_back({model_.parameters()[i].name, own_[i]});
    }
    return tensors;
  }

  Result<std::vector<MergedParameter>> merged() const override {
    std::vector<MergedParameter> merged;
    for (std::size_t i = 0; i < own_.size(); ++i) {
      if (own_[i].defined()) merged.push_back({i, own_[i].detach()});
    }
    return merged;
  }

  nlohmann::json config() const override {
    nlohmann::json config = parameters_;
    config["peft_type"] = "SELECTIVE";
    config["method"] = method_;
    return config;
  }

 private:
  const Model& model_;
  std::string method_;
  nlohmann::json parameters_;
  std::vector<at::Tensor> own_;  // by Model::parameters(); undefined: the frozen one
};

Result<std::unique_ptr<Adapter>> make(const AdapterRequest& request, const char* method) {
  for (const ModelParameter& parameter : request.model.parameters()) {
    if (!parameter.value.is_quantized() ||
        !trains_tensor(method, request.parameters, request.model.info().layers, parameter.name))
      continue;
    return invalid_argument(std::string(method) + " trains " + parameter.name +
                            ", which this base keeps in a few bits a value; use the base without "
                            "quantization");
  }
  auto adapter = std::make_unique<Selective>(request.model, method, request.parameters);
  if (adapter->trained().empty() && std::string(method) != "none") {
    return invalid_argument(std::string(method) + " finds nothing to train in this " +
                            request.model.info().model_type + " base: it has no such tensor");
  }
  return std::unique_ptr<Adapter>(std::move(adapter));
}

}  // namespace

Result<std::unique_ptr<Adapter>> make_bitfit(const AdapterRequest& request) {
  return make(request, "bitfit");
}
Result<std::unique_ptr<Adapter>> make_layer_norm(const AdapterRequest& request) {
  return make(request, "layer_norm");
}
Result<std::unique_ptr<Adapter>> make_last_layers(const AdapterRequest& request) {
  const std::int64_t wanted = request.parameters.at("trained_layers");
  if (wanted > request.model.info().layers) {
    return invalid_argument("trained_layers is " + std::to_string(wanted) + ", but the base has " +
                            std::to_string(request.model.info().layers) + " layers");
  }
  return make(request, "last_layers");
}
Result<std::unique_ptr<Adapter>> make_full(const AdapterRequest& request) {
  return make(request, "full");
}
Result<std::unique_ptr<Adapter>> make_none(const AdapterRequest& request) {
  return make(request, "none");
}

}  // namespace plateau::trainer
