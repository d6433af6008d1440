#include <array>

#include <ATen/ATen.h>

#include "common/base/text.h"
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
  if (Status status = check_data_fits(model, trial, data); !status) return status;
  nlohmann::json started = message_of(assignment, "started");
  started["step"] = 0;
  started["steps_total"] = 1;
  context.sink(started);
  const TimeMs begin = context.clock.monotonic_ms();
  Answers answers;
  for (const Baseline& baseline : kBaselines) {
    if (trial.adapter.method == baseline.name) answers = baseline.run({trial, model, data});
  }
  PLATEAU_CHECK(answers.test.defined(), "run_baseline() was called for another method");
  Outcome outcome;
  for (const auto& [split, name, logits] :
       {std::tuple{&data.validation, "validation", answers.validation},
        std::tuple{&data.test, "test", answers.test}}) {
    const Predictions predictions = predictions_from_logits(logits, *split, trial.task);
    for (const auto& [metric, value] : compute_metrics(predictions, *split, trial.task)) {
      const nlohmann::json line = {{"split", name}, {"name", metric}, {"value", value}};
      outcome.metrics.push_back(line);
      nlohmann::json message = message_of(assignment, "metric");
      message.update(line);
      message["step"] = 1;
      context.sink(message);
      message.erase("type");
      message.erase("trial_id");
      message.erase("attempt");
      outcome.history.push_back(message);
    }
    if (split == &data.test)
      outcome.predictions = predictions_jsonl(predictions, *split, trial.task);
  }
  outcome.head_parameters = answers.parameters;
  outcome.base_parameters = model.info().parameters;
  outcome.steps = 1;
  outcome.train_seconds = static_cast<double>(context.clock.monotonic_ms() - begin) / 1000.0;
  outcome.notes = data.notes;
  outcome.notes.insert(outcome.notes.end(), answers.notes.begin(), answers.notes.end());
  return report_finished(assignment, context, outcome);
}

}  // namespace plateau::trainer
