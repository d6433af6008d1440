#include "worker/trainer/model/weights.h"

#include <algorithm>
#include <sstream>

#include <ATen/ATen.h>

#include "common/base/text.h"
#include "common/spec/activations.h"
#include "worker/kernels/quantize_nf4.h"

namespace plateau::trainer {
namespace {

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::ostringstream text;
  text << at::IntArrayRef(shape);
  return text.str();
}

}  // namespace

WeightReader::WeightReader(std::shared_ptr<const WeightSource> weights, std::string prefix,
                           const LoadOptions& options)
    : weights_(std::move(weights)), prefix_(std::move(prefix)), options_(options) {}

bool WeightReader::has(const std::string& name) const {
  return weights_->has(prefix_ + name) || weights_->has(name);
}

std::optional<std::string> WeightReader::find(const std::string& name,
                                              const std::vector<std::int64_t>& shape) {
  if (!status_) return {};
  const std::string stored = weights_->has(prefix_ + name) ? prefix_ + name : name;
  const auto found = weights_->shape_of(stored);
  if (!found) {
    status_ = found.error();
    return {};
  }
  if (*found != shape) {
    status_ = corrupt("tensor " + name + " has the shape " + shape_text(*found) +
                      ", but config.json asks for " + shape_text(shape) +
                      "; config.json and the weights belong to different models");
    return {};
  }
  return stored;
}

at::Tensor WeightReader::take(const std::string& name, const std::vector<std::int64_t>& shape) {
  return take_as(name, shape, options_.options);
}

at::Tensor WeightReader::take_as(const std::string& name, const std::vector<std::int64_t>& shape,
                                 const at::TensorOptions& options) {
  const auto stored = find(name, shape);
  if (!stored) return at::zeros(shape, options);
  auto tensor = weights_->read(*stored, options);
  if (!tensor) {
    status_ = invalid_argument(name + ": " + tensor.error().message);
    return at::zeros(shape, options);
  }
  parameters_ += tensor->numel();
  return *tensor;
}

FrozenTensor WeightReader::take_embeddings(const std::string& name,
                                           const std::vector<std::int64_t>& shape) {
  if (options_.storage != Storage::kAsInFile) return take(name, shape);
  const auto stored = find(name, shape);
  if (!stored) return at::zeros(shape, options_.options);
  auto blocks = weights_->blocks(*stored, options_.options.device());
  if (!blocks) return take(name, shape);
  parameters_ += blocks->rows * blocks->columns;
  return {std::move(*blocks), options_.options};
}

FrozenTensor WeightReader::take_matrix(const std::string& name,
                                       const std::vector<std::int64_t>& shape) {
  if (options_.storage != Storage::kNf4) return take_embeddings(name, shape);
  const at::Tensor numbers = take_as(name, shape, options_.options.dtype(at::kFloat));
  if (!status_) return numbers.to(options_.options);
  return {kernels::quantize_nf4(numbers), options_.options};
}

const nlohmann::json& ConfigReader::at(const char* key) const {
  static const nlohmann::json kNull;
  const auto found = json_.find(key);
  return found == json_.end() ? kNull : *found;
}

void ConfigReader::refuse(const char* key, const std::string& what_is_needed) {
  if (!status_) return;
  status_ = corrupt(where_ + ": \"" + key + "\" is " +
                    (json_.contains(key) ? at(key).dump() : "missing") + "; " + what_is_needed +
                    " is needed");
}

std::int64_t ConfigReader::count(const char* key) {
  const nlohmann::json& found = at(key);
  if (found.is_number_integer() && found.get<std::int64_t>() > 0) return found;
  refuse(key, "a whole number from 1");
  return 1;
}

std::int64_t ConfigReader::count(const char* key, std::int64_t fallback) {
  return at(key).is_null() ? fallback : count(key);
}

double ConfigReader::number(const char* key, double fallback) {
  const nlohmann::json& found = at(key);
  if (found.is_number()) return found;
  if (!found.is_null()) refuse(key, "a number");
  return fallback;
}

bool ConfigReader::flag(const char* key, bool fallback) {
  const nlohmann::json& found = at(key);
  if (found.is_boolean()) return found;
  if (!found.is_null()) refuse(key, "true or false");
  return fallback;
}

std::int64_t ConfigReader::token(const char* key, std::int64_t fallback) {
  if (!json_.contains(key)) return fallback;
  const nlohmann::json& found = at(key);
  if (found.is_number_integer()) return std::max<std::int64_t>(found.get<std::int64_t>(), -1);
  if (!found.is_null()) refuse(key, "a whole number or null");
  return -1;
}

kernels::Curve ConfigReader::curve(const char* key, const char* fallback) {
  const nlohmann::json& found = at(key);
  const auto curve = curve_named(found.is_string() ? found.get<std::string>() : fallback);
  if (curve && (found.is_string() || found.is_null())) return *curve;
  refuse(key, "one of " + join(curve_names(), ", "));
  return kernels::Curve::kNone;
}

}  // namespace plateau::trainer
