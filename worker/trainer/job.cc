#include "worker/trainer/job.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "common/spec/task_kinds.h"
#include "worker/trainer/adapters/peft_files.h"
#include "worker/trainer/outcome.h"

namespace plateau::trainer {
namespace {

constexpr DurationMs kProgressEveryMs = 500;
constexpr std::int64_t kEvalTokens = 4096;  // at once
constexpr std::int64_t kLossPoints = 50;    // of the training loss, over a whole trial

double seconds_between(TimeMs begin, TimeMs end) {
  return static_cast<double>(end - begin) / 1000.0;
}

bool due_for_loss(std::int64_t step, std::int64_t total) {
  const std::int64_t every = std::max<std::int64_t>(1, total / kLossPoints);
  return step % every == 0 || step == total;
}

}  // namespace

nlohmann::json message_of(const Assignment& assignment, const char* type) {
  return {{"type", type}, {"trial_id", assignment.trial_id}, {"attempt", assignment.attempt}};
}

std::vector<std::int64_t> evaluation_steps(std::int64_t steps_total, std::int64_t evaluations) {
  std::vector<std::int64_t> steps;
  for (std::int64_t k = 1; k <= evaluations; ++k) {
    const std::int64_t step =
        std::max<std::int64_t>(1, (k * steps_total + evaluations / 2) / evaluations);
    if (steps.empty() || steps.back() != step) steps.push_back(step);
  }
  return steps;
}

Result<std::unique_ptr<Job>> Job::create(Assignment assignment, const JobContext& context,
                                         std::shared_ptr<const Model> model,
                                         std::shared_ptr<const Dataset> data) {
  auto member = Member::create(assignment.trial, model, data);
  if (!member) return member.error();
  std::unique_ptr<Job> job(new Job(std::move(assignment), context, std::move(*member)));
  if (!job->assignment_.resume.empty()) {
    job->resume();
    if (job->member_ == nullptr) {
      auto fresh = Member::create(job->assignment_.trial, std::move(model), std::move(data));
      if (!fresh) return fresh.error();
      job->member_ = std::move(*fresh);
      job->history_ = {};
    }
  }
  nlohmann::json started = message_of(job->assignment_, "started");
  started["step"] = job->member_->step();
  started["steps_total"] = job->member_->steps_total();
  context.sink(started);
  return job;
}

Job::Job(Assignment assignment, const JobContext& context, std::unique_ptr<Member> member)
    : assignment_(std::move(assignment)),
      context_(context),
      member_(std::move(member)),
      notes_(member_->data().notes),
      last_progress_ms_(context.clock.monotonic_ms()),
      last_checkpoint_ms_(last_progress_ms_) {}

// The given checkpoint, else an older one beside it. Leaves no member when none is usable.
void Job::resume() {
  std::vector<std::filesystem::path> candidates = {assignment_.resume};
  for (const auto& file : checkpoints_beside(assignment_.resume)) {
    if (file != assignment_.resume) candidates.push_back(file);
  }
  for (const auto& file : candidates) {
    const Status status = read_checkpoint(file, *member_, history_);
    if (status) return;
    std::cerr << "not resumed: " << status.error().message << std::endl;
    notes_.push_back("a checkpoint could not be used: " + status.error().message);
  }
  member_.reset();
}

void Job::add_metric(const std::string& split, const std::string& name, double value) {
  const nlohmann::json line = {
      {"step", member_->step()}, {"split", split}, {"name", name}, {"value", value}};
  history_.metrics.push_back(line);
  nlohmann::json message = message_of(assignment_, "metric");
  message.update(line);
  context_.sink(message);
}

void Job::report_loss(const StepResult& result) {
  history_.loss_sum += result.loss;
  ++history_.loss_count;
  if (!due_for_loss(member_->step(), member_->steps_total())) return;
  add_metric("train", "loss", history_.loss_sum / static_cast<double>(history_.loss_count));
  history_.loss_sum = 0.0;
  history_.loss_count = 0;
}

void Job::report_progress() {
  const TimeMs now = context_.clock.monotonic_ms();
  if (now - last_progress_ms_ < kProgressEveryMs) return;
  nlohmann::json message = message_of(assignment_, "progress");
  message["step"] = member_->step();
  message["steps_total"] = member_->steps_total();
  message["loss"] = last_loss_;
  message["tokens_per_s"] =
      static_cast<double>(tokens_since_progress_) / seconds_between(last_progress_ms_, now);
  context_.sink(message);
  last_progress_ms_ = now;
  tokens_since_progress_ = 0;
}

Status Job::after_step(const StepResult& result, double seconds) {
  history_.train_tokens += result.tokens;
  history_.train_seconds += seconds;
  tokens_since_progress_ += result.tokens;
  last_loss_ = result.loss;
  report_loss(result);
  report_progress();
  const auto due = evaluation_steps(member_->steps_total(), assignment_.trial.protocol.evaluations);
  if (std::find(due.begin(), due.end(), member_->step()) != due.end()) {
    if (Status status = validate(); !status) return status;
  }
  const DurationMs every_ms = assignment_.trial.checkpoint_every_s * 1000;
  if (every_ms > 0 && !member_->is_done() &&
      context_.clock.monotonic_ms() - last_checkpoint_ms_ >= every_ms) {
    return checkpoint();
  }
  return {};
}

Result<Predictions> Job::answers(const Split& split) {
  const at::NoGradGuard no_grad;
  const auto on_batch = [this] { report_progress(); };
  const Model& model = member_->model();
  Adapter* adapter = &member_->adapter();
  const auto not_finite = [this] {
    has_diverged_ = true;
    return internal_error("the model's outputs are not finite after step " +
                          std::to_string(member_->step()) + " of " +
                          std::to_string(member_->steps_total()) +
                          "; a smaller learning rate, a warm-up or max_grad_norm would help");
  };
  if (member_->is_language_model()) {
    const TokenLosses losses = token_losses(model, adapter, split, kEvalTokens, on_batch);
    if (!std::isfinite(losses.mean())) return not_finite();
    return predictions_from_losses(losses);
  }
  const at::Tensor features = split_features(model, adapter, split, kEvalTokens, on_batch);
  const at::Tensor logits = member_->head().logits(features);
  // The loss would not tell: one class at minus infinity leaves it finite.
  if (!at::isfinite(logits).all().item<bool>()) return not_finite();
  return predictions_from_logits(logits, split, assignment_.trial.task);
}

Result<Predictions> Job::predict(const Split& split) {
  const TimeMs begin = context_.clock.monotonic_ms();
  Result<Predictions> predictions = answers(split);
  if (predictions) history_.eval_seconds += seconds_between(begin, context_.clock.monotonic_ms());
  return predictions;
}

Status Job::validate() {
  const Split& split = member_->data().validation;
  if (split.size() == 0) return {};
  const auto predictions = predict(split);
  if (!predictions) return predictions.error();
  const auto metrics = compute_metrics(*predictions, split, assignment_.trial.task);
  for (const auto& [name, value] : metrics)
    add_metric("validation", name, value);
  const double value = metrics.at(assignment_.trial.task.metric);
  const bool keep_best = assignment_.trial.protocol.checkpoint == "best";
  const bool is_better = lower_is_better(assignment_.trial.task.metric)
                             ? value < history_.best_value
                             : value > history_.best_value;
  if (keep_best && history_.has_best && !is_better) return {};
  history_.validation = metrics;
  if (keep_best) {
    history_.best = member_->snapshot();
    history_.best_value = value;
    history_.has_best = true;
  }
  return {};
}

Status Job::checkpoint() {
  const auto info = write_checkpoint(assignment_.folder, *member_, history_);
  if (!info) return info.error();
  last_checkpoint_ms_ = context_.clock.monotonic_ms();
  nlohmann::json message = message_of(assignment_, "checkpoint");
  message["step"] = info->step;
  message["path"] = info->path.string();
  message["size_bytes"] = info->size_bytes;
  message["sha256"] = info->sha256;
  context_.sink(message);
  return {};
}

Status Job::finish() {
  const Trial& trial = assignment_.trial;
  if (member_->steps_total() == 0) {
    notes_.push_back("nothing is trained: the numbers are the frozen base's");
    if (Status status = validate(); !status) return status;
  }
  if (history_.has_best) {
    if (Status status = member_->restore(history_.best); !status) return status;
  }
  const Split& test = member_->data().test;
  const auto predictions = predict(test);
  if (!predictions) return predictions.error();
  Outcome outcome;
  for (const auto& [name, value] : history_.validation)
    outcome.metrics.push_back({{"split", "validation"}, {"name", name}, {"value", value}});
  for (const auto& [name, value] : compute_metrics(*predictions, test, trial.task)) {
    add_metric("test", name, value);
    outcome.metrics.push_back({{"split", "test"}, {"name", name}, {"value", value}});
  }
  if (Status status = save_adapter(assignment_.folder / "adapter", member_->adapter(),
                                   member_->head(), trial.base.name);
      !status) {
    return status;
  }
  outcome.history = history_.metrics;
  outcome.predictions = predictions_jsonl(*predictions, test, trial.task);
  outcome.adapter_parameters = member_->adapter_parameters();
  outcome.head_parameters = member_->head().parameters();
  outcome.base_parameters = member_->model().info().parameters;
  outcome.base_bytes = member_->model().storage_bytes();
  outcome.steps = member_->step();
  outcome.train_tokens = history_.train_tokens;
  outcome.train_seconds = history_.train_seconds;
  outcome.eval_seconds = history_.eval_seconds;
  outcome.notes = notes_;
  return report_finished(assignment_, context_, outcome);
}

}  // namespace plateau::trainer
