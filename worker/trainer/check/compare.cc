#include "worker/trainer/check/compare.h"

#include <cmath>
#include <limits>
#include <sstream>

#include <ATen/ATen.h>

namespace plateau::trainer {
namespace {

constexpr double kNotComparable = std::numeric_limits<double>::infinity();
constexpr double kLogits = 1e-4;
constexpr double kLossOfSmallModels = 1e-5;
constexpr double kLossOfRealModels = 1e-4;
constexpr double kFloatNoise = 1.2e-7;
constexpr double kGradientNorms = 1e-4;
constexpr double kWeights = 1e-4;

std::string shape_of(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

std::int64_t numel(const TensorMap& tensors) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : tensors)
    count += tensor.numel();
  return count;
}

// The L2 norm over several differences.
class Norm {
 public:
  void add(const at::Tensor& difference) {
    const double norm = difference.to(at::kDouble).norm().item<double>();
    squares_ += norm * norm;
  }
  void add(double difference) { squares_ += difference * difference; }
  double value() const { return std::sqrt(squares_); }

 private:
  double squares_ = 0.0;
};

CheckRow compare_logits(const std::string& what, const at::Tensor& ours, const at::Tensor& theirs,
                        double tolerance) {
  CheckRow row{what, kNotComparable, tolerance, ""};
  if (!ours.defined()) {
    row.note = "this trainer gives none";
  } else if (ours.sizes() != theirs.sizes()) {
    row.note = "ours have the shape " + shape_of(ours) + ", the reference's " + shape_of(theirs);
  } else {
    row.difference = (ours.to(at::kDouble) - theirs.to(at::kDouble)).abs().max().item<double>();
    if (std::isnan(row.difference)) row.difference = kNotComparable;
  }
  return row;
}

// The largest difference of two lists, each over its own tolerance: at most 1 where all hold.
CheckRow compare_numbers(const std::string& what, const std::vector<double>& ours,
                         const std::vector<double>& theirs, double tolerance, double noise) {
  CheckRow row{what, 0.0, tolerance, ""};
  if (ours.size() != theirs.size()) {
    return {what, kNotComparable, tolerance, "another number of steps"};
  }
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    const double beyond = std::max(0.0, std::abs(ours[i] - theirs[i]) - noise);
    double relative = theirs[i] == 0.0 ? beyond : beyond / std::abs(theirs[i]);
    if (!std::isfinite(relative)) relative = kNotComparable;
    if (relative <= row.difference) continue;
    row.difference = relative;
    row.note = "at step " + std::to_string(i);
  }
  return row;
}

// Whether the whole tensor is an attention key bias.
bool is_key_bias(const std::string& name) {
  return name.ends_with("key.bias") || name.ends_with("k_proj.bias");
}

// GPT-2's fused bias holds queries, keys and values, one third each.
at::Tensor without_keys(const std::string& name, const at::Tensor& tensor) {
  if (!name.ends_with("c_attn.bias")) return tensor;
  const std::int64_t third = tensor.size(0) / 3;
  return at::cat({tensor.narrow(0, 0, third), tensor.narrow(0, 2 * third, third)});
}

CheckRow compare_final(const GoldenRun& run, const TensorMap& expected) {
  CheckRow row{"final weights", kNotComparable, kWeights, ""};
  Norm difference, change;
  for (const auto& [name, ours] : run.final) {
    const auto found = expected.find(name);
    if (found == expected.end()) {
      row.note = "the case has no final " + name;
      return row;
    }
    if (found->second.sizes() != ours.sizes()) {
      row.note = name + " has the shape " + shape_of(ours) + ", the reference's " +
                 shape_of(found->second);
      return row;
    }
    if (is_key_bias(name)) continue;
    const at::Tensor theirs = without_keys(name, found->second.to(ours.options()));
    difference.add(without_keys(name, ours) - theirs);
    change.add(without_keys(name, run.initial.at(name)) - theirs);
  }
  row.difference = difference.value() / change.value();
  row.note = "of the norm of the change";
  if (std::isnan(row.difference)) row.difference = kNotComparable;
  return row;
}

// Cases without stored weights give the sum and the L2 norm of their tensors, or (full fine-tuning)
// of some. Both differ by at most the norm of the tensors' difference (the sum by sqrt(elements)
// times that), so both are held to the weights' own tolerance.
CheckRow compare_checksums(GoldenRun& run, const nlohmann::json& sums) {
  CheckRow row{"final check sums", kNotComparable, kWeights, ""};
  TensorMap expected;
  for (const auto& [name, pair] : sums.items()) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_number()) {
      row.note = "\"final_checksums\" of " + name + " is no [sum, norm]";
      return row;
    }
    expected[plain_name(name)] =
        at::tensor({pair[0].get<double>(), pair[1].get<double>()}, at::kDouble);
  }
  expected = member_names(*run.member, expected);
  Norm change, by_norm, by_sum;
  for (const auto& [name, pair] : expected) {
    const auto found = run.final.find(name);
    if (found == run.final.end()) {
      row.note = name + " has a check sum in the case and is not trained here";
      return row;
    }
    if (is_key_bias(name) || name.ends_with("c_attn.bias")) continue;
    const at::Tensor ours = found->second.to(at::kDouble);
    change.add(ours - run.initial.at(name).to(at::kDouble));
    by_sum.add((ours.sum().item<double>() - pair[0].item<double>()) /
               std::sqrt(static_cast<double>(ours.numel())));
    by_norm.add(ours.norm().item<double>() - pair[1].item<double>());
  }
  row.difference = std::max(by_sum.value(), by_norm.value()) / change.value();
  row.note = "of the norm of the change; of " + std::to_string(expected.size()) + " of " +
             std::to_string(run.final.size()) + " tensors only check sums are stored";
  if (std::isnan(row.difference)) row.difference = kNotComparable;
  return row;
}

CheckRow compare_count(const std::string& what, std::int64_t ours, const nlohmann::json& theirs) {
  if (!theirs.is_number_integer()) return {what, kNotComparable, 0.0, "not a whole number"};
  const auto expected = theirs.get<std::int64_t>();
  return {what, std::abs(static_cast<double>(ours - expected)), 0.0,
          std::to_string(ours) + " of " + std::to_string(expected)};
}

void compare_counts(const nlohmann::json& result, const GoldenRun& run,
                    std::vector<CheckRow>& rows) {
  const std::int64_t trained = numel(run.initial);
  rows.push_back(compare_count("trained parameters", trained, result.at("trainable_params")));
  if (result.contains("trainable_tensors")) {
    rows.push_back(compare_count("trained tensors", static_cast<std::int64_t>(run.initial.size()),
                                 result["trainable_tensors"]));
  }
  if (result.contains("peft_nb_trainable")) {
    rows.push_back(compare_count("PEFT's trainable count", trained, result["peft_nb_trainable"]));
  }
  if (result.contains("pyreft_intervention_params")) {
    rows.push_back(compare_count("pyreft's count", run.member->adapter_parameters(),
                                 result["pyreft_intervention_params"]));
  }
}

// A reference's [B, T, ...] at the texts' tokens only [rows, ...], as many as ours. The reference
// may have columns in front of the batch's: virtual tokens, which are rows here too, or padding.
at::Tensor text_rows(const at::Tensor& theirs, const GoldenBatch& batch, std::int64_t rows) {
  const std::int64_t in_front = theirs.size(1) - batch.mask.size(1);
  if (in_front < 0) return theirs;
  const std::int64_t texts = batch.mask.sum().item<std::int64_t>();
  const at::Tensor front =
      at::full({batch.mask.size(0), in_front}, rows > texts ? 1 : 0, at::kLong);
  const at::Tensor mask = at::cat({front, batch.mask}, 1).to(at::kBool);
  return theirs.flatten(0, 1).index_select(0, mask.flatten().nonzero().squeeze(1));
}

// What is stored of a large vocabulary: the first columns, and the sum of all.
void compare_token_logits(const std::string& name, const at::Tensor& ours, const TensorMap& stored,
                          const GoldenBatch& batch, std::vector<CheckRow>& rows) {
  const at::Tensor theirs = stored.at("logits_" + name);
  if (!ours.defined() || theirs.dim() != 3 || theirs.size(2) > ours.size(1)) {
    rows.push_back(compare_logits("logits " + name, ours, theirs, kLogits));
    return;
  }
  const at::Tensor local = ours.to(at::kCPU);
  rows.push_back(compare_logits("logits " + name, local.narrow(1, 0, theirs.size(2)),
                                text_rows(theirs, batch, local.size(0)), kLogits));
  const auto sum = stored.find("logsumexp_" + name);
  if (sum == stored.end()) return;
  rows.push_back(compare_logits("logsumexp " + name, at::logsumexp(local.to(at::kDouble), {1}),
                                text_rows(sum->second, batch, local.size(0)), kLogits));
}

Status compare_all_logits(const GoldenCase& golden, const GoldenBatch& batch, const GoldenRun& run,
                          std::vector<CheckRow>& rows) {
  const auto path = golden.folder / "logits.safetensors";
  const auto stored = read_tensors(path);
  if (!stored) return stored.error();
  for (const auto& [name, ours] :
       {std::pair{"before", run.logits_before}, std::pair{"after", run.logits_after},
        std::pair{"merged", run.logits_merged}}) {
    const auto found = stored->find(std::string("logits_") + name);
    if (found != stored->end() && batch.is_language_model()) {
      compare_token_logits(name, ours, *stored, batch, rows);
    } else if (found != stored->end()) {
      rows.push_back(compare_logits(std::string("logits ") + name, ours, found->second, kLogits));
    } else if (name != std::string("merged")) {
      return corrupt(path.string() + " has no tensor logits_" + name);
    }
  }
  return {};
}

}  // namespace

Result<std::vector<CheckRow>> compare_golden_case(const GoldenCase& golden, const GoldenBase& base,
                                                  const GoldenBatch& batch, GoldenRun& run) {
  const nlohmann::json& result = golden.result;
  std::vector<CheckRow> rows;
  compare_counts(result, run, rows);
  if (Status status = compare_all_logits(golden, batch, run, rows); !status) return status.error();
  rows.push_back(compare_numbers("losses", run.losses, result.at("losses"),
                                 base.is_real ? kLossOfRealModels : kLossOfSmallModels,
                                 kFloatNoise));
  if (result.contains("grad_norms")) {
    rows.push_back(compare_numbers("gradient norms", run.gradient_norms, result["grad_norms"],
                                   kGradientNorms, 0.0));
  }
  auto expected = golden_final(golden);
  if (!expected) return expected.error();
  if (*expected) {
    rows.push_back(compare_final(run, member_names(*run.member, **expected)));
  } else if (result.contains("final_checksums") && result["final_checksums"].is_object()) {
    rows.push_back(compare_checksums(run, result["final_checksums"]));
  } else {
    return corrupt(golden.folder.string() +
                   " has neither final weights nor \"final_checksums\" in result.json");
  }
  return rows;
}

}  // namespace plateau::trainer
