#include "common/spec/obstacle.h"

#include "common/spec/base_tensors.h"
#include "common/spec/methods.h"
#include "common/spec/task_kinds.h"

namespace plateau {
namespace {

bool models_language(const Trial& trial) {
  return trial.task.kind == kCausalLm ||
         answers_by_likelihood(trial.adapter.method, trial.adapter.parameters);
}

bool trains_nothing(const BaseFacts& facts, const Trial& trial) {
  if (!is_selective(trial.adapter.method) || trial.adapter.method == "none") return false;
  const auto counts = count_parameters(facts, trial);
  return counts && counts->adapter == 0;
}

}  // namespace

std::optional<std::string> obstacle(const BaseFacts& facts, const Trial& trial) {
  const std::string base = trial.base.name + " (" + facts.model_type + ")";
  const std::string& method = trial.adapter.method;
  if (facts.is_encoder() && models_language(trial)) {
    const bool is_task = trial.task.kind == kCausalLm;
    return std::string(is_task ? "the task " + trial.task.name
                               : "the adapter none with a template") +
           " needs a language model, and " + base +
           " is an encoder; take a decoder (gpt2, llama, mistral, qwen2)" +
           (is_task ? " or a classification" : " or leave the template out");
  }
  if (method == "prefix" && facts.model_type == "roberta") {
    return "prefix tuning is not defined for " + base +
           ": PEFT, whose format this is, cannot run it; use prompt tuning, or another base";
  }
  if (trains_nothing(facts, trial))
    return method + " finds nothing to train in " + base + ": it has no such tensor";
  const bool is_pooled = facts.is_encoder() && trial.base.pooling == "cls";
  if (is_pooled && trial.adapter.parameters.value("pad_first", false)) {
    return "pad_first puts a padding token where the pooler of " + base +
           " reads the text; use the pooling mean, or leave pad_first out";
  }
  return std::nullopt;
}

}  // namespace plateau
