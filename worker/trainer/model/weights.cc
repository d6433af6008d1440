#include "worker/trainer/model/weights.h"

#include <sstream>

#include <ATen/ATen.h>

#include "common/base/text.h"

namespace plateau::trainer {
namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::ostringstream text;
  text << at::IntArrayRef(shape);
  return text.str();
}

}  // namespace

WeightReader::WeightReader(ModelWeights weights, std::string prefix, const LoadOptions& options)
    : weights_(std::move(weights)), prefix_(std::move(prefix)), options_(options) {}

bool WeightReader::has(const std::string& name) const {
  return weights_.find(prefix_ + name) != nullptr || weights_.find(name) != nullptr;
}

at::Tensor WeightReader::take(const std::string& name, const std::vector<std::int64_t>& shape) {
  const at::Tensor nothing = at::zeros(shape, options_.options);
  if (!status_) return nothing;
  const TensorView* view = weights_.find(prefix_ + name);
  if (view == nullptr) {
    auto found = weights_.get(name);
    if (!found) {
      status_ = found.error();
      return nothing;
    }
    view = weights_.find(name);
  }
  if (view->shape != shape) {
    status_ = corrupt("tensor " + name + " has the shape " + shape_text(view->shape) +
                      ", but config.json asks for " + shape_text(shape) +
                      "; config.json and the weights belong to different models");
    return nothing;
  }
  auto tensor = to_tensor(*view, options_.options);
  if (!tensor) {
    status_ = invalid_argument(name + ": " + tensor.error().message);
    return nothing;
  }
  parameters_ += tensor->numel();
  return *tensor;
}

std::int64_t ConfigReader::count(const char* key) {
  const auto found = json_.find(key);
  if (found != json_.end() && found->is_number_integer() && found->get<std::int64_t>() > 0) {
    return found->get<std::int64_t>();
  }
  if (status_) {
    status_ = corrupt(where_ + ": \"" + key + "\" is " +
                      (found == json_.end() ? "missing" : found->dump()) +
                      "; a whole number from 1 is needed");
  }
  return 1;
}

double ConfigReader::number(const char* key, double fallback) const {
  const auto found = json_.find(key);
  return found != json_.end() && found->is_number() ? found->get<double>() : fallback;
}

std::string ConfigReader::text(const char* key, const std::string& fallback) const {
  const auto found = json_.find(key);
  return found != json_.end() && found->is_string() ? found->get<std::string>() : fallback;
}

void ConfigReader::require(const char* key, const std::vector<std::string>& allowed) {
  const std::string value = text(key, allowed.front());
  for (const std::string& candidate : allowed) {
    if (value == candidate) return;
  }
  if (status_) {
    status_ = invalid_argument(where_ + ": " + key + " '" + value +
                               "' is not supported; supported: " + join(allowed, ", "));
  }
}

}  // namespace plateau::trainer
