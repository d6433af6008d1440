// Takes tensors by name and shape out of a model folder, for the architectures' constructors.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "worker/kernels/activations.h"
#include "worker/trainer/model/model.h"
#include "worker/trainer/model/weight_source.h"

namespace plateau::trainer {

// The first failure is kept and later calls return zeros: a constructor reads everything, then
// asks once.
class WeightReader {
 public:
  // `prefix` is what checkpoints with a head put in front of every name ("bert."); a bare encoder
  // has none, and both are read.
  WeightReader(std::shared_ptr<const WeightSource> weights, std::string prefix,
               const LoadOptions& options);

  // The tensor in the model's dtype and on its device.
  at::Tensor take(const std::string& name, const std::vector<std::int64_t>& shape);
  // A matrix of a linear layer [out, in], or of embeddings, as LoadOptions::storage says.
  FrozenTensor take_matrix(const std::string& name, const std::vector<std::int64_t>& shape);
  FrozenTensor take_embeddings(const std::string& name, const std::vector<std::int64_t>& shape);
  bool has(const std::string& name) const;

  const Status& status() const { return status_; }
  std::int64_t parameters() const { return parameters_; }
  Storage storage() const { return options_.storage; }

 private:
  // take(), in other options than the model's.
  at::Tensor take_as(const std::string& name, const std::vector<std::int64_t>& shape,
                     const at::TensorOptions& options);
  // The name that the source has it under, when it is there in this shape; else the failure is
  // kept.
  std::optional<std::string> find(const std::string& name, const std::vector<std::int64_t>& shape);

  std::shared_ptr<const WeightSource> weights_;
  std::string prefix_;
  LoadOptions options_;
  Status status_;
  std::int64_t parameters_ = 0;
};

// Numbers and names of config.json. The first failure is kept, as above.
class ConfigReader {
 public:
  ConfigReader(const nlohmann::json& json, std::string where)
      : json_(json), where_(std::move(where)) {}

  std::int64_t count(const char* key);  // a whole number from 1
  // With a fallback: what transformers takes where the key is absent or null.
  std::int64_t count(const char* key, std::int64_t fallback);
  double number(const char* key, double fallback);
  bool flag(const char* key, bool fallback);
  // A token's number; -1 where it is null or below zero.
  std::int64_t token(const char* key, std::int64_t fallback);
  // A function by transformers' name (common/spec/activations.h).
  kernels::Curve curve(const char* key, const char* fallback);

  const Status& status() const { return status_; }

 private:
  // Null where there is no such key.
  const nlohmann::json& at(const char* key) const;
  void refuse(const char* key, const std::string& what_is_needed);

  const nlohmann::json& json_;
  std::string where_;
  Status status_;
};

}  // namespace plateau::trainer
