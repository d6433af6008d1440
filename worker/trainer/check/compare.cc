#include "worker/trainer/check/compare.h"

#include <algorithm>
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
    const double norm = difference.norm().item<double>();
    squares_ += norm * norm;
  }
  void add(double difference) { squares_ += difference * difference; }
  double value() const { return std::sqrt(squares_); }

 private:
  double squares_ = 0.0;
};

at::Tensor exact(const at::Tensor& tensor) {
  return tensor.to(tensor.options().device(at::kCPU).dtype(at::kDouble));
}

CheckRow compare_logits(const std::string& what, const TensorMap& made, const at::Tensor& theirs) {
  CheckRow row{what, kNotComparable, kLogits, ""};
  const auto ours = made.find(what);
  if (ours == made.end()) {
    row.note = "this trainer gives none";
  } else if (ours->second.sizes() != theirs.sizes()) {
    row.note =
        "ours have the shape " + shape_of(ours->second) + ", the reference's " + shape_of(theirs);
  } else {
    row.difference = (exact(ours->second) - exact(theirs)).abs().max().item<double>();
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
    const at::Tensor theirs = without_keys(name, exact(found->second));
    difference.add(without_keys(name, exact(ours)) - theirs);
    change.add(without_keys(name, exact(run.initial.at(name))) - theirs);
  }
  row.difference = difference.value() / change.value();
  row.note = "of the norm of the change";
  if (std::isnan(row.difference)) row.difference = kNotComparable;
  return row;
}

// Cases without stored weights give the sum and the L2 norm of their tensors, or (full fine-tuning)
// of some. Both differ by at most the norm of the tensors' difference (the sum by sqrt(elements)
// times that), so both are held to the weights' own tolerance.
CheckRow compare_sums(const GoldenRun& run, const TensorMap& expected) {
  CheckRow row{"final check sums", kNotComparable, kWeights, ""};
  Norm change, by_norm, by_sum;
  for (const auto& [name, pair] : expected) {
    const auto found = run.final.find(name);
    if (found == run.final.end()) {
      row.note = name + " has a check sum in the case and is not trained here";
      return row;
    }
    if (is_key_bias(name) || name.ends_with("c_attn.bias")) continue;
    const at::Tensor ours = exact(found->second);
    change.add(ours - exact(run.initial.at(name)));
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

std::vector<CheckRow> compare_counts(const GoldenCase& golden, const GoldenRun& run) {
  const nlohmann::json& result = golden.result;
  const std::int64_t trained = numel(run.initial);
  std::vector<CheckRow> rows;
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
  return rows;
}

std::vector<CheckRow> compare_with(const Expectation& expected, const GoldenRun& run,
                                   bool base_is_real) {
  const Expectation made = made_by(run, expected);
  std::vector<CheckRow> rows;
  for (const char* when : {"before", "after", "merged"}) {
    for (const char* what : {"logits ", "logsumexp "}) {
      const auto theirs = expected.logits.find(std::string(what) + when);
      if (theirs == expected.logits.end()) continue;
      rows.push_back(compare_logits(theirs->first, made.logits, theirs->second));
    }
  }
  rows.push_back(compare_numbers("losses", run.losses, expected.losses,
                                 base_is_real ? kLossOfRealModels : kLossOfSmallModels,
                                 kFloatNoise));
  if (expected.gradient_norms) {
    rows.push_back(compare_numbers("gradient norms", run.gradient_norms, *expected.gradient_norms,
                                   kGradientNorms, 0.0));
  }
  if (expected.final) rows.push_back(compare_final(run, *expected.final));
  if (expected.sums) rows.push_back(compare_sums(run, *expected.sums));
  return rows;
}

}  // namespace

std::vector<CheckRow> compare_golden_case(const GoldenCase& golden, const GoldenBase& base,
                                          const Expectation& record, const GoldenRun& run) {
  std::vector<CheckRow> rows = compare_counts(golden, run);
  for (CheckRow& row : compare_with(record, run, base.is_real))
    rows.push_back(std::move(row));
  return rows;
}

Status allow_for_rounding(const GoldenCase& golden, const GoldenBase& base,
                          const GoldenBatch& batch, const Expectation& record, const GoldenRun& run,
                          std::vector<CheckRow>& rows) {
  const auto is_near = [](const CheckRow& row) { return row.is_within_tolerance(); };
  if (std::all_of(rows.begin(), rows.end(), is_near)) return {};
  GoldenOptions options;
  options.options = options.options.dtype(at::kDouble);
  const auto exact_run = run_golden_case(golden, base, batch, options);
  if (!exact_run) return exact_run.error();
  for (const CheckRow& own : compare_with(made_by(*exact_run, record), run, base.is_real)) {
    for (CheckRow& row : rows) {
      if (row.what == own.what && std::isfinite(own.difference)) row.rounding = own.difference;
    }
  }
  return {};
}

}  // namespace plateau::trainer
