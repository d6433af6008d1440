// What a PEFT method is to the trainer: hooks into the model plus the tensors
// it trains.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "worker/trainer/model/model.h"

namespace plateau::trainer {

// One trained tensor: a leaf that requires a gradient. The adapter and the
// optimizer share it.
struct TrainedTensor {
  std::string name;    // as in the adapter's file, without PEFT's
                       // "base_model.model." in front
  at::Tensor value;    // float32, or float64 in a float64 trial
  bool decays = true;  // false: weight decay never touches it
  double rate = 1.0;   // what the learning rate is multiplied with
};

// A tensor of the base with an adapter's update in it.
struct MergedParameter {
  std::size_t index = 0;  // into Model::parameters(), whose name and shape it has
  at::Tensor value;       // float32, or float64 in a float64 trial
};

// What stands in front of the names in adapter_model.safetensors.
struct FilePrefixes {
  const char* adapter = "base_model.model.";
  const char* head = "base_model.model.";
};
// PEFT's prompts stand beside the model, which is wrapped once less.
inline constexpr FilePrefixes kPromptPrefixes{"", "base_model."};

// One trial's adapter on one model. Not thread-safe; the model outlives it.
class Adapter : public TrialHooks {
 public:
  // In a fixed order.
  virtual std::vector<TrainedTensor> trained() const = 0;
  // Call after the values of trained() were changed in place (optimizer step,
  // load).
  virtual void weights_changed() {}
  // Fixed tensors that training on needs and that trained() does not hold; for
  // checkpoints.
  virtual std::vector<TrainedTensor> fixed() const { return {}; }

  // The tensors of adapter_model.safetensors. Unless a method says otherwise,
  // those of trained().
  virtual TensorMap exported() const;
  // Takes what exported() gave. kCorrupt names a missing tensor or a wrong
  // shape.
  virtual Status import(const TensorMap& tensors);
  virtual FilePrefixes file_prefixes() const { return {}; }
  // The base's tensors that hold the update when it is added to them, as new
  // tensors: the base itself is shared and never changed, so to unmerge is to
  // drop them. kInvalidArgument for a method whose update is no change of the
  // base's tensors.
  virtual Result<std::vector<MergedParameter>> merged() const;
  // The method's own fields of adapter_config.json.
  virtual nlohmann::json config() const = 0;
};

struct AdapterRequest {
  const Model& model;
  const nlohmann::json& parameters;  // resolved: complete and of the right types (spec/methods.h)
  std::uint64_t seed = 0;            // of the trial
};

// Options of a trained tensor: float32, or float64 where the model is; the
// model's device.
at::TensorOptions trained_options(const Model& model);
// `weight` [out, in] as the merged weight of a site, in the checkpoint's
// orientation.
MergedParameter merged_weight(const LinearSite& site, const at::Tensor& weight);
// Detached, contiguous, requires a gradient.
at::Tensor as_leaf(const at::Tensor& values);
// Copies `tensors[name]` into `target` in place. kCorrupt names what is missing
// or misshapen.
Status copy_into(const TensorMap& tensors, const std::string& name, at::Tensor target);

}  // namespace plateau::trainer
