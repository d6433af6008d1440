#include <array>

#include <ATen/ATen.h>

#include "common/base/text.h"
#include "common/spec/task_kinds.h"
#include "worker/trainer/data/label_prompts.h"
#include "worker/trainer/eval/probe.h"
#include "worker/trainer/job.h"
#include "worker/trainer/outcome.h"

namespace plateau::trainer {
namespace {

struct Inputs {
  const Trial& trial;
  const Model& model;
  const Dataset& data;

  bool regression() const { return trial.task.kind == "regression"; }
};

// Logits for the validation and the test split.
struct Answers {
  at::Tensor validation, test;
  std::int64_t parameters = 0;
  std::vector<std::string> notes;
};

Answers majority(const Inputs& in) {
  const auto logits = at::tensor(
      majority_logits(in.data.train, head_outputs(in.trial.task), in.regression()), at::kDouble);
  const auto repeat = [&](const Split& split) {
    return logits.unsqueeze(0).repeat({split.size(), 1});
  };
  return {repeat(in.data.validation), repeat(in.data.test), 0, {}};
}

Answers probe(const Inputs& in) {
  const double l2 = in.trial.adapter.parameters.at("l2");
  const at::Tensor train = split_features(in.model, nullptr, in.data.train);
  const LinearFit fit =
      in.regression() ? fit_ridge(train, in.data.train.targets, l2)
                      : fit_logistic(train, in.data.train.labels, head_outputs(in.trial.task), l2);
  Answers answers{fit.logits(split_features(in.model, nullptr, in.data.validation)),
                  fit.logits(split_features(in.model, nullptr, in.data.test)),
                  fit.weight.numel() + fit.bias.numel(),
                  {}};
  if (!fit.converged) {
    answers.notes.push_back("the probe's fit stopped at a gradient norm of " +
                            format_number(fit.gradient_norm));
  }
  return answers;
}

// Logits are the log-likelihoods of the classes' names.
at::Tensor name_likelihoods(const Model& model, const LabelPrompts& prompts) {
  const TokenLosses losses = token_losses(model, nullptr, prompts.answers);
  return -at::tensor(losses.sums, at::kDouble).view({prompts.items.size(), -1});
}

// Room and vocabulary for every prompt.
Status check_prompts(const Model& model, const Trial& trial, const LabelPromptSets& sets) {
  Trial language = trial;
  language.task.kind = kCausalLm;
  language.task.metric = metrics_of_kind(kCausalLm).front();
  Dataset data;
  data.train = data.validation = sets.validation.answers;
  data.test = sets.test.answers;
  for (const Split* split : {&data.validation, &data.test}) {
    for (const std::int32_t id : split->ids)
      data.largest_id = std::max(data.largest_id, id);
  }
  return check_data_fits(model, language, data);
}

void send_started(const Assignment& assignment, const JobContext& context) {
  nlohmann::json started = message_of(assignment, "started");
  started["step"] = 0;
  started["steps_total"] = 1;
  context.sink(started);
}

// Metrics and predictions out of answers to both splits; sends the metrics.
Outcome outcome_of(const Assignment& assignment, const JobContext& context, const Split& validation,
                   const Split& test, const Answers& answers) {
  const Trial& trial = assignment.trial;
  Outcome outcome;
  for (const auto& [split, name, logits] :
       {std::tuple{&validation, "validation", answers.validation},
        std::tuple{&test, "test", answers.test}}) {
    const Predictions predictions = predictions_from_logits(logits, *split, trial.task);
    for (const auto& [metric, value] : compute_metrics(predictions, *split, trial.task)) {
      nlohmann::json line = {{"split", name}, {"name", metric}, {"value", value}};
      outcome.metrics.push_back(line);
      line["step"] = 1;
      outcome.history.push_back(line);
      nlohmann::json message = message_of(assignment, "metric");
      message.update(line);
      context.sink(message);
    }
    if (split == &test) outcome.predictions = predictions_jsonl(predictions, *split, trial.task);
  }
  outcome.head_parameters = answers.parameters;
  outcome.steps = 1;
  outcome.notes = answers.notes;
  return outcome;
}

struct Baseline {
  const char* name;
  Answers (*run)(const Inputs& in);
};

constexpr std::array kBaselines = {Baseline{"majority", majority}, Baseline{"probe", probe}};

}  // namespace

std::vector<std::string> baseline_methods() {
  std::vector<std::string> names;
  for (const Baseline& baseline : kBaselines)
    names.emplace_back(baseline.name);
  return names;
}

Status run_baseline(const Assignment& assignment, const JobContext& context, const Model& model,
                    const Dataset& data) {
  const Trial& trial = assignment.trial;
  if (trial.task.kind == kCausalLm) {
    return invalid_argument("the baseline " + trial.adapter.method + " needs classes or numbers, " +
                            "and the task " + trial.task.name +
                            " models language; its baseline is the adapter `none`");
  }
  if (Status status = check_data_fits(model, trial, data); !status) return status;
  send_started(assignment, context);
  const TimeMs begin = context.clock.monotonic_ms();
  Answers answers;
  for (const Baseline& baseline : kBaselines) {
    if (trial.adapter.method == baseline.name) answers = baseline.run({trial, model, data});
  }
  PLATEAU_CHECK(answers.test.defined(), "run_baseline() was called for another method");
  Outcome outcome = outcome_of(assignment, context, data.validation, data.test, answers);
  outcome.base_parameters = model.info().parameters;
  outcome.base_bytes = model.storage_bytes();
  outcome.train_seconds = static_cast<double>(context.clock.monotonic_ms() - begin) / 1000.0;
  outcome.notes.insert(outcome.notes.begin(), data.notes.begin(), data.notes.end());
  return report_finished(assignment, context, outcome);
}

Status run_likelihood(const Assignment& assignment, const JobContext& context, const Model& model) {
  const Trial& trial = assignment.trial;
  const nlohmann::json& parameters = trial.adapter.parameters;
  const auto sets = load_label_prompts(
      trial.task, trial.base.path,
      {parameters.at("template"), parameters.value("shots", std::int64_t{0}), trial.seed});
  if (!sets) return sets.error();
  if (Status status = check_prompts(model, trial, *sets); !status) return status;
  send_started(assignment, context);
  const TimeMs begin = context.clock.monotonic_ms();
  const Answers answers{name_likelihoods(model, sets->validation),
                        name_likelihoods(model, sets->test), 0, sets->notes};
  Outcome outcome =
      outcome_of(assignment, context, sets->validation.items, sets->test.items, answers);
  outcome.base_parameters = model.info().parameters;
  outcome.base_bytes = model.storage_bytes();
  outcome.steps = 0;
  outcome.eval_seconds = static_cast<double>(context.clock.monotonic_ms() - begin) / 1000.0;
  outcome.notes.push_back(
      "nothing is trained: a class is as likely as its name behind the prompt is for the base");
  return report_finished(assignment, context, outcome);
}

}  // namespace plateau::trainer
