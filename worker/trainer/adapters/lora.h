// LoRA (Hu et al. 2021, arXiv 2106.09685): y = W x + b + scale * B A
// dropout(x).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/spec/lora_modules.h"
#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

// The two factors on one linear layer. DoRA builds on them.
struct LoraFactors {
  std::string module;  // name of the site
  at::Tensor a;        // [rank, in]: uniform in +-1/sqrt(in)
  at::Tensor b;        // [out, rank]: zero
  double scale = 1.0;  // alpha / rank, or alpha / sqrt(rank)
  double dropout = 0.0;
};

// What LoRA and DoRA read from a trial's parameters.
struct LoraSettings {
  std::int64_t rank = 0;
  double alpha = 0.0;
  double dropout = 0.0;
  bool rslora = false;
  // Of B's learning rate over A's: LoRA+ (Hayou et al. 2024, arXiv 2402.12354).
  double b_rate_ratio = 1.0;
  nlohmann::json rank_pattern, alpha_pattern;  // as PEFT's file has them
  std::vector<LoraModule> targets;             // modules are indices into Model::linears()
};

// kInvalidArgument: a rank larger than a target's matrix allows, or a target
// that is not there.
Result<LoraSettings> read_lora_settings(const AdapterRequest& request);
LoraFactors make_lora_factors(const LoraModule& target, const LoraSettings& settings,
                              const AdapterRequest& request);
// A and B as the optimizer sees them.
std::vector<TrainedTensor> trained_factors(const LoraFactors& factors, double b_rate_ratio);
// B's gradient [out, rank] from that of scale * s B^T and s = x A^T [rows, rank].
at::Tensor b_gradient(const at::Tensor& grad_y, const at::Tensor& s, double scale);
// scale * B A [out, in], in the factors' dtype.
at::Tensor lora_update(const LoraFactors& factors);
// LoraConfig's fields as PEFT writes them.
nlohmann::json lora_config(const Model& model, const LoraSettings& settings, bool use_dora);

// Parameters of the two factors: rank * (in + out).
std::int64_t lora_parameters(std::int64_t out, std::int64_t in, std::int64_t rank);

Result<std::unique_ptr<Adapter>> make_lora(const AdapterRequest& request);
// The same on a quantised base (Dettmers et al. 2023, arXiv 2305.14314). kInvalidArgument: it is
// none.
Result<std::unique_ptr<Adapter>> make_qlora(const AdapterRequest& request);

}  // namespace plateau::trainer
