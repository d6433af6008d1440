#include "common/spec/memory_estimate.h"

#include <algorithm>

#include "common/spec/methods.h"

namespace plateau {
namespace {

// The resident set of a trainer on a CPU without its base: LibTorch's pages, mostly, and what its
// products of bfloat16 keep.
constexpr double kProgramBytes = 240e6;
// A batch's texts may be longer than the mean, and a gradient is as wide as what it belongs to.
constexpr double kBesideTheMean = 1.5;

double bytes_of(const std::string& precision) {
  if (precision == "bfloat16") return 2;
  return precision == "float64" ? 8 : 4;
}

// Elements that one token leaves behind in one layer: two norms and two residual sums, queries,
// keys and values, attention's output, and what the MLP is wide (the activation is made again).
double elements_per_layer(const BaseFacts& facts) {
  const auto width = [&](std::int64_t own) {
    return static_cast<double>(own == 0 ? facts.hidden : own);
  };
  const bool is_gated = !facts.is_encoder() && facts.model_type != "gpt2";
  const double query = width(facts.query_width);
  return 4.0 * static_cast<double>(facts.hidden) + 2.0 * (query + width(facts.key_width)) +
         (is_gated ? 2.0 : 1.0) * static_cast<double>(facts.intermediate);
}

double activations_of(const BaseFacts& facts, const Trial& trial, double tokens) {
  const double one_layer = elements_per_layer(facts);
  const auto layers = static_cast<double>(facts.layers);
  // With recomputation: each layer's input, and one layer in full.
  const double elements = trial.recompute_activations
                              ? layers * static_cast<double>(facts.hidden) + one_layer
                              : layers * one_layer;
  return elements * tokens * bytes_of(trial.protocol.precision);
}

}  // namespace

double tokens_at_once(const Trial& trial, const TaskSource& task) {
  const auto longest = static_cast<double>(trial.task.max_length);
  const double text =
      task.mean_tokens > 0 ? std::min(kBesideTheMean * task.mean_tokens, longest) : longest;
  const std::int64_t sequences = trial.micro_batch_size > 0
                                     ? std::min(trial.micro_batch_size, trial.optimizer.batch_size)
                                     : trial.optimizer.batch_size;
  return static_cast<double>(sequences) * text;
}

MemoryEstimate estimate_memory(const Trial& trial, const BaseSource& base, const TaskSource& task) {
  MemoryEstimate estimate;
  estimate.program = kProgramBytes;
  const Result<ParameterCounts> counts = count_parameters(base.facts, trial);
  if (!counts) return estimate;
  // The file's pages are gone before there are activations.
  estimate.base = static_cast<double>(counts->base) * bytes_of(trial.protocol.precision);
  const MethodSchema* method = find_method(trial.adapter.method);
  if (method != nullptr && method->is_baseline) return estimate;  // It keeps nothing of a forward.
  // In float32 at least, whatever the base is in.
  const double each = 4.0 * std::max(4.0, bytes_of(trial.protocol.precision));
  estimate.trained = static_cast<double>(counts->adapter + counts->head) * each;
  estimate.activations = activations_of(base.facts, trial, tokens_at_once(trial, task));
  return estimate;
}

}  // namespace plateau
