#include "worker/trainer/check/run_case.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <regex>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "common/spec/base_tensors.h"
#include "worker/trainer/adapters/loreft.h"
#include "worker/trainer/adapters/merge.h"
#include "worker/trainer/eval/evaluate.h"
#include "worker/trainer/eval/lm_targets.h"
#include "worker/trainer/model/weight_source.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

void add_labels(const GoldenBatch& batch, std::int64_t item, Split& split) {
  if (batch.is_regression()) {
    split.targets.push_back(batch.labels[item].item<double>());
    return;
  }
  if (!batch.is_language_model()) {
    split.labels.push_back(batch.labels[item].item<std::int64_t>());
    return;
  }
  const std::int64_t tokens = split.offsets[split.offsets.size() - 1] - split.offsets.end()[-2];
  for (std::int64_t j = 0; j < tokens; ++j)
    split.token_labels.push_back(batch.labels[item][j].item<std::int64_t>());
}

std::shared_ptr<const Dataset> dataset_of(const GoldenBatch& batch) {
  auto data = std::make_shared<Dataset>();
  Split& split = data->train;
  for (std::int64_t i = 0; i < batch.ids.size(0); ++i) {
    for (std::int64_t j = 0; j < batch.ids.size(1); ++j) {
      if (batch.padding.defined()) {
        split.padding.push_back(
            static_cast<std::uint8_t>(batch.padding[i][j].item<std::int64_t>()));
      } else if (batch.mask[i][j].item<std::int64_t>() == 0) {
        break;
      }
      split.ids.push_back(static_cast<std::int32_t>(batch.ids[i][j].item<std::int64_t>()));
      split.type_ids.push_back(
          batch.types.defined() ? static_cast<std::int32_t>(batch.types[i][j].item<std::int64_t>())
                                : 0);
      data->largest_id = std::max(data->largest_id, split.ids.back());
    }
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    add_labels(batch, i, split);
    split.item_ids.push_back(std::to_string(i));
  }
  data->test = data->validation = split;
  return data;
}

// The outputs of the case's head: its stored weights know, or the base's, else the largest label.
// None: language modelling.
std::int64_t outputs_of(const TensorMap& initial, const WeightSource& base,
                        const GoldenBatch& batch) {
  if (batch.is_language_model()) return 0;
  for (const std::string name :
       {"classifier.weight", "classifier.out_proj.weight", "score.weight"}) {
    for (const std::string& stored : {name, "model." + name}) {
      if (const auto found = initial.find(stored); found != initial.end())
        return found->second.size(0);
    }
    if (const auto shape = base.shape_of(name)) return shape->front();
  }
  if (batch.is_regression()) return 1;
  return std::max<std::int64_t>(2, batch.labels.max().item<std::int64_t>() + 1);
}

Trial trial_of(const GoldenCase& golden, const AdapterSpec& adapter, std::int64_t outputs,
               std::int64_t items) {
  const nlohmann::json& result = golden.result;
  Trial trial;
  trial.base.name = golden.model;
  trial.base.pooling = "cls";
  trial.task.name = golden.name();
  for (std::int64_t i = 0; i < outputs; ++i)
    trial.task.labels.push_back(std::to_string(i));
  if (outputs == 0) {
    trial.task.kind = "causal_lm";
    trial.task.metric = "perplexity";
  }
  if (outputs == 1) {
    trial.task.kind = "regression";
    trial.task.metric = "pearson";
  }
  trial.adapter = adapter;
  trial.optimizer.learning_rate = trial.optimizer.head_learning_rate = result.at("lr");
  trial.optimizer.weight_decay = result.at("weight_decay");
  if (result.contains("betas")) {
    trial.optimizer.beta1 = result["betas"].at(0);
    trial.optimizer.beta2 = result["betas"].at(1);
  }
  if (result.contains("eps")) trial.optimizer.epsilon = result["eps"];
  trial.optimizer.schedule = "constant";
  trial.optimizer.epochs = result.at("steps");
  trial.optimizer.batch_size = items;
  return trial;
}

// The site that pyreft's key means: the layer stands after "layer_" or in brackets, and the second
// intervention of a layer ("#1") has the last positions.
LoreftSite* site_of(Loreft& adapter, const std::string& key) {
  std::smatch match;
  if (!std::regex_search(key, match, std::regex(R"((?:layer_|\[)(\d+)[\]_].*#(\d+)$)")))
    return nullptr;
  const std::int64_t layer = std::stoll(match[1]);
  const bool second = match[2] == "1";
  for (LoreftSite& site : adapter.sites()) {
    if (site.layer == layer && (site.where == LoreftSite::Where::kLast) == second) return &site;
  }
  return nullptr;
}

TensorMap loreft_names(Loreft& adapter, const TensorMap& tensors) {
  TensorMap result;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t hash = name.find('#');
    if (hash == std::string::npos) {
      result[name.starts_with("model.") ? name.substr(6) : name] = tensor;
      continue;
    }
    const std::string key = name.substr(0, name.find('.', hash));
    const LoreftSite* site = site_of(adapter, key);
    if (site == nullptr || key.size() == name.size()) continue;
    const std::string field = name.substr(key.size() + 1);
    if (field == "param.original") result[site->name + ".rotate_layer.parameter"] = tensor;
    if (field.starts_with("learned_source.")) result[site->name + "." + field] = tensor;
  }
  return result;
}

// "….adapters.<name>.adapter_up.weight" with our adapter's name.
std::string bottleneck_name(const std::string& name, const std::string& method) {
  static const std::regex kPattern(R"(\.adapters\.[^.]+\.)");
  return std::regex_replace(name, kPattern, ".adapters." + method + ".");
}

// The bound of the uniform rule at a tensor; nullopt: the tensor keeps its own start.
std::optional<double> synth_bound(const GoldenCase& golden, const std::string& name,
                                  const at::Tensor& tensor) {
  if (name.ends_with("lora_A.weight")) return 1.0 / std::sqrt(static_cast<double>(tensor.size(1)));
  if (name.find(".adapters.") == std::string::npos || !name.ends_with(".weight")) return {};
  const auto& info = golden.result.at("info");
  const std::string rule = info.value("init", "");
  std::smatch match;
  if (!std::regex_search(rule, match, std::regex(R"(U\(-([0-9.e-]+), *([0-9.e-]+)\))"))) return {};
  return std::stod(match[1]);
}

TensorMap synthetic_start(const GoldenCase& golden, const TensorMap& own) {
  TensorMap values;
  const bool peft = golden.family != "houlsby" && golden.family != "pfeiffer";
  for (const auto& [name, tensor] : own) {
    const auto bound = synth_bound(golden, name, tensor);
    if (!bound) continue;
    const std::string hashed =
        peft ? "base_model.model." + name : bottleneck_name(name, golden.family);
    values[name] = synth_uniform(hashed, tensor.sizes().vec(), *bound);
  }
  return values;
}

// Puts the case's initial weights into the member; what the case does not store keeps the start
// that the method defines (B = 0, magnitudes, ones, the base's own weights).
Status start(const GoldenCase& golden, Member& member, const TensorMap& initial) {
  TensorMap values = member.snapshot();
  const TensorMap given = golden.has_initial || golden.family == "full"
                              ? member_names(member, initial)
                              : synthetic_start(golden, values);
  for (const auto& [name, tensor] : given) {
    if (values.contains(name)) values[name] = tensor;
  }
  for (const auto& [name, tensor] : initial) {  // The head, which has no other name.
    if (values.contains(name)) values[name] = tensor;
  }
  if (golden.has_initial) {
    for (const auto& [name, tensor] : values) {
      if (given.contains(name)) continue;
      return corrupt(golden.start.string() + " has no tensor for " + name);
    }
  }
  if (auto* loreft = dynamic_cast<Loreft*>(&member.adapter())) {
    for (const auto& [name, tensor] : initial) {
      if (!name.ends_with(".param.base")) continue;
      LoreftSite* site = site_of(*loreft, name.substr(0, name.find('.', name.find('#'))));
      if (site != nullptr) site->base.dense = tensor.to(trained_options(member.model()));
    }
  }
  return member.restore(values);
}

// A head that the case does not store is the base's own.
Status add_head_of_base(const WeightSource& base, const Member& member, TensorMap& initial) {
  for (const TrainedTensor& tensor : member.head().trained()) {
    if (initial.contains(tensor.name) || !base.has(tensor.name)) continue;
    auto value = base.read(tensor.name, tensor.value.options().requires_grad(false));
    if (!value) return value.error();
    initial[tensor.name] = *value;
  }
  return {};
}

std::vector<std::int64_t> all_items(const Split& split) {
  std::vector<std::int64_t> items(static_cast<std::size_t>(split.size()));
  std::iota(items.begin(), items.end(), std::int64_t{0});
  return items;
}

// Of every row of the batch [rows, vocabulary].
at::Tensor token_logits(const Member& member, TrialHooks& hooks) {
  const Split& split = member.data().test;
  TrialSequences trial;
  trial.hooks = &hooks;
  for (const std::int64_t item : all_items(split))
    trial.sequences.push_back(
        {split.tokens(item), split.types(item), split.padding_of(item), split.prompt_of(item)});
  hooks.begin_pass();
  const at::Tensor states =
      member.model().states(pack_batch({&trial, 1}, member.model().info().options));
  return at::matmul(states, member.model().lm_head().of(&hooks).t());
}

at::Tensor logits_of(Member& member) {
  const at::NoGradGuard no_grad;
  if (member.is_language_model()) return token_logits(member, member.adapter());
  return member.head().logits(
      split_features(member.model(), &member.adapter(), member.data().test));
}

// Of the base with the adapter's update added to its matrices; undefined where there is no such.
at::Tensor merged_logits(Member& member) {
  const at::NoGradGuard no_grad;
  const auto merged = member.adapter().merged();
  if (!merged) return {};
  MergedHooks hooks(member.model(), *merged);
  if (member.is_language_model()) return token_logits(member, hooks);
  return member.head().logits(split_features(member.model(), &hooks, member.data().test));
}

// The whole batch's, without the trainer's own chunks.
double loss_from_logits(const Member& member, const at::Tensor& logits) {
  const Split& split = member.data().test;
  if (!member.is_language_model())
    return predictions_from_logits(logits, split, member.trial().task).loss;
  const LmTargets targets = lm_targets(split, all_items(split), member.adapter().virtual_tokens());
  const auto index = [&](const std::vector<std::int64_t>& values) {
    return at::tensor(values, at::kLong).to(logits.device());
  };
  return at::cross_entropy_loss(logits.index_select(0, index(targets.rows)), index(targets.tokens))
      .item<double>();
}

// Of the texts' tokens: what stands at padding says nothing.
at::Tensor without_padding(const at::Tensor& logits, const GoldenBatch& batch) {
  if (!logits.defined() || !batch.padding.defined() || !batch.is_language_model()) return logits;
  return logits.index_select(0, (batch.padding.flatten() == 0).nonzero().squeeze(1));
}

Status train(Member& member, GoldenRun& run) {
  Pack pack;
  pack.join(&member);
  while (!member.is_done()) {
    const StepResult result = pack.step().front();
    run.losses.push_back(result.loss);
    run.gradient_norms.push_back(result.gradient_norm);
    if (result.diverged) {
      return invalid_argument("the loss or a weight is not finite after step " +
                              std::to_string(run.losses.size()));
    }
  }
  pack.leave(&member);
  return {};
}

// "base: NF4, ..." of a quantised case; methods that train matrices need them as numbers.
Storage storage_of(const GoldenCase& golden) {
  if (golden.family == "qlora" || golden.family == "qdora") return Storage::kNf4;
  return trains_matrices(golden.family) ? Storage::kNumbers : Storage::kAsInFile;
}

}  // namespace

TensorMap member_names(Member& member, const TensorMap& plain) {
  if (auto* loreft = dynamic_cast<Loreft*>(&member.adapter())) return loreft_names(*loreft, plain);
  TensorMap result;
  for (const auto& [name, tensor] : plain)
    result[bottleneck_name(name, member.trial().adapter.method)] = tensor;
  return result;
}

Result<GoldenRun> run_golden_case(const GoldenCase& golden, const GoldenBase& base,
                                  const GoldenBatch& given, const GoldenOptions& options) {
  auto initial = golden_initial(golden);
  if (!initial) return initial.error();
  const auto files = open_base(base.folder);
  if (!files) return files.error();
  const std::int64_t outputs = outputs_of(*initial, *files->weights, given);
  GoldenBatch batch = given;
  if (outputs == 1) batch.labels = batch.labels.to(at::kDouble);  // a regression, as transformers
  if (batch.is_regression() && outputs != 1) {
    return invalid_argument(golden.name() + ": labels are fractions, but the head has " +
                            std::to_string(outputs) + " outputs (multi-label is not supported)");
  }
  const Pooling pooling = batch.is_language_model() ? Pooling::kTokens : Pooling::kCls;
  auto model = load_model(base.folder, {pooling, options.options, storage_of(golden)});
  if (!model) return model.error();
  auto adapter = golden_adapter(golden, (*model)->info().hidden);
  if (!adapter) return adapter.error();
  const Trial trial = trial_of(golden, *adapter, outputs, batch.ids.size(0));
  auto member = Member::create(trial, *model, dataset_of(batch));
  if (!member) return member.error();
  GoldenRun run;
  run.member = std::move(*member);
  if (Status status = add_head_of_base(*files->weights, *run.member, *initial); !status)
    return status.error();
  if (Status status = start(golden, *run.member, *initial); !status) return status.error();
  run.initial = run.member->snapshot();
  run.logits_before = without_padding(logits_of(*run.member), batch);
  if (Status status = train(*run.member, run); !status) return status.error();
  const at::Tensor logits = logits_of(*run.member);
  run.logits_after = without_padding(logits, batch);
  run.logits_merged = without_padding(merged_logits(*run.member), batch);
  run.losses.push_back(loss_from_logits(*run.member, logits));
  run.final = run.member->snapshot();
  return run;
}

}  // namespace plateau::trainer
