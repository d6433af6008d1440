#include "common/spec/fields.h"

#include <algorithm>
#include <map>

#include "common/spec/trial.h"

namespace plateau {
namespace {

using Json = nlohmann::json;
using Type = ParameterType;

struct Limits {
  std::optional<double> low;
  std::optional<double> high;
};

// The trial's own member, or that of one of its parts.
template <auto kMember>
void set_own(Trial& trial, const Json& value) {
  value.get_to(trial.*kMember);
}
template <auto kPart, auto kMember>
void set_in(Trial& trial, const Json& value) {
  value.get_to(trial.*kPart.*kMember);
}

using Setter = void (*)(Trial&, const Json&);

TrialField field(const std::string& pointer, Setter set, Type type, Limits limits,
                 std::string meaning) {
  static const Json defaults = to_json(Trial{});
  const std::string name = pointer.substr(pointer.rfind('/') + 1);
  return {{name,
           type,
           defaults.at(Json::json_pointer(pointer)),
           limits.low,
           limits.high,
           {},
           std::move(meaning)},
          pointer,
          set};
}

TrialField choice(const std::string& pointer, Setter set, std::string meaning,
                  std::vector<std::string> choices) {
  TrialField one = field(pointer, set, Type::kChoice, {}, std::move(meaning));
  one.schema.choices = std::move(choices);
  return one;
}

// A trial that takes no step, or none that goes anywhere, is a mistake.
constexpr Limits kAboveZero{1e-12, {}}, kPasses{1e-6, 1e6};

std::vector<TrialField> make_fields() {
  const Limits share{0, 1}, from_zero{0, {}}, count{0, 1e12}, none{};
  return {
      choice("/base/pooling", set_in<&Trial::base, &BaseSpec::pooling>,
             "how a text's vector is made of its tokens: their mean, or the architecture's own (an "
             "encoder's pooler, a decoder's last token)",
             {"mean", "cls"}),
      choice("/base/quantization", set_in<&Trial::base, &BaseSpec::quantization>,
             "of the frozen base's linear layers: nf4 is QLoRA's 4-bit NormalFloat with double "
             "quantisation, made at load; none leaves them as the files hold them",
             {"none", "nf4"}),
      field("/task/train_size", set_in<&Trial::task, &TaskSpec::train_size>, Type::kInteger, count,
            "rows of the training split; 0 = all"),
      field("/task/validation_size", set_in<&Trial::task, &TaskSpec::validation_size>,
            Type::kInteger, count, "rows of the validation split; 0 = all"),
      field("/task/test_size", set_in<&Trial::task, &TaskSpec::test_size>, Type::kInteger, count,
            "rows of the test split; 0 = all"),
      field("/task/split_seed", set_in<&Trial::task, &TaskSpec::split_seed>, Type::kInteger,
            {0, 9e15}, "of the splits, for all trials alike"),
      field("/task/max_length", set_in<&Trial::task, &TaskSpec::max_length>, Type::kInteger,
            {3, 1e6}, "tokens; longer texts are cut"),
      field("/optimizer/learning_rate", set_in<&Trial::optimizer, &OptimizerSpec::learning_rate>,
            Type::kNumber, kAboveZero, "of the adapter"),
      field("/optimizer/head_learning_rate",
            set_in<&Trial::optimizer, &OptimizerSpec::head_learning_rate>, Type::kNumber, from_zero,
            "of the task head"),
      field("/optimizer/weight_decay", set_in<&Trial::optimizer, &OptimizerSpec::weight_decay>,
            Type::kNumber, from_zero, "AdamW, decoupled"),
      field("/optimizer/beta1", set_in<&Trial::optimizer, &OptimizerSpec::beta1>, Type::kNumber,
            share, "AdamW"),
      field("/optimizer/beta2", set_in<&Trial::optimizer, &OptimizerSpec::beta2>, Type::kNumber,
            share, "AdamW"),
      field("/optimizer/epsilon", set_in<&Trial::optimizer, &OptimizerSpec::epsilon>, Type::kNumber,
            from_zero, "AdamW"),
      field("/optimizer/max_grad_norm", set_in<&Trial::optimizer, &OptimizerSpec::max_grad_norm>,
            Type::kNumber, from_zero, "0 = no clipping"),
      choice("/optimizer/schedule", set_in<&Trial::optimizer, &OptimizerSpec::schedule>,
             "of the learning rate, after the warm-up", {"constant", "linear", "cosine"}),
      field("/optimizer/warmup_ratio", set_in<&Trial::optimizer, &OptimizerSpec::warmup_ratio>,
            Type::kNumber, share, "share of all steps"),
      field("/optimizer/epochs", set_in<&Trial::optimizer, &OptimizerSpec::epochs>, Type::kNumber,
            kPasses, "passes over the training split"),
      field("/optimizer/batch_size", set_in<&Trial::optimizer, &OptimizerSpec::batch_size>,
            Type::kInteger, {1, 1e6}, "sequences an optimizer step"),
      choice("/protocol/checkpoint", set_in<&Trial::protocol, &ProtocolSpec::checkpoint>,
             "which weights are tested", {"last", "best"}),
      field("/protocol/evaluations", set_in<&Trial::protocol, &ProtocolSpec::evaluations>,
            Type::kInteger, {1, 1e6}, "of the validation split, evenly over training"),
      choice("/protocol/precision", set_in<&Trial::protocol, &ProtocolSpec::precision>,
             "of the computation", {"float32", "bfloat16", "float64"}),
      field("/seed", set_own<&Trial::seed>, Type::kInteger, {0, 9e15}, "replicate of a cell"),
      field("/micro_batch_size", set_own<&Trial::micro_batch_size>, Type::kInteger, {0, 1e6},
            "0 = the whole batch at once"),
      field("/recompute_activations", set_own<&Trial::recompute_activations>, Type::kBoolean, none,
            "activation checkpointing: less memory, more time, the same numbers"),
      field("/checkpoint_every_s", set_own<&Trial::checkpoint_every_s>, Type::kInteger, {1, 1e6},
            "seconds; at most so much is lost"),
  };
}

std::vector<std::string> make_names() {
  std::vector<std::string> names = {"base", "task", "adapter"};
  for (const TrialField& entry : trial_fields())
    names.push_back(entry.schema.name);
  for (const MethodSchema& method : method_schemas()) {
    if (method.is_baseline) continue;
    for (const ParameterSchema& parameter : method.parameters) {
      if (std::find(names.begin(), names.end(), parameter.name) == names.end()) {
        names.push_back(parameter.name);
      }
    }
  }
  return names;
}

}  // namespace

const std::vector<TrialField>& trial_fields() {
  static const std::vector<TrialField> fields = make_fields();
  return fields;
}

const TrialField* find_field(std::string_view name) {
  for (const TrialField& entry : trial_fields()) {
    if (entry.schema.name == name) return &entry;
  }
  return nullptr;
}

const std::vector<std::string>& parameter_names() {
  static const std::vector<std::string> names = make_names();
  return names;
}

const ParameterSchema* parameter_schema(std::string_view name) {
  if (const TrialField* entry = find_field(name)) return &entry->schema;
  for (const MethodSchema& method : method_schemas()) {
    if (method.is_baseline) continue;
    if (const ParameterSchema* parameter = method.find(name)) return parameter;
  }
  return nullptr;
}

std::vector<std::string> methods_with(std::string_view parameter) {
  std::vector<std::string> names;
  if (find_field(parameter) != nullptr) return names;
  for (const MethodSchema& method : method_schemas()) {
    if (!method.is_baseline && method.find(parameter) != nullptr) names.push_back(method.name);
  }
  return names;
}

std::string known_alias(std::string_view name) {
  static const std::map<std::string, std::string, std::less<>> aliases = {
      {"lr", "learning_rate"},
      {"gradient_checkpointing", "recompute_activations"},
      {"head_lr", "head_learning_rate"},
      {"r", "rank"},
      {"lora_r", "rank"},
      {"lora_rank", "rank"},
      {"lora_alpha", "alpha"},
      {"lora_dropout", "dropout"},
      {"use_rslora", "rslora"},
      {"wd", "weight_decay"},
      {"bs", "batch_size"},
      {"per_device_train_batch_size", "batch_size"},
      {"num_train_epochs", "epochs"},
      {"n_epochs", "epochs"},
      {"max_seq_length", "max_length"},
      {"lr_scheduler_type", "schedule"},
      {"warmup", "warmup_ratio"},
      {"model", "base"},
      {"model_name", "base"},
      {"model_name_or_path", "base"},
      {"dataset", "task"},
      {"dataset_name", "task"},
      {"method", "adapter"},
      {"peft", "adapter"},
      {"peft_type", "adapter"},
      {"dtype", "precision"},
      {"random_seed", "seed"},
      {"seeds", "seed"},
      {"ranks", "rank"},
      {"adapters", "adapter"},
      {"tasks", "task"},
      {"bases", "base"},
  };
  const auto found = aliases.find(name);
  return found == aliases.end() ? "" : found->second;
}

}  // namespace plateau
