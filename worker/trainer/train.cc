#include "worker/trainer/train.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "common/spec/base_tensors.h"
#include "common/spec/methods.h"
#include "common/spec/task_kinds.h"
#include "worker/trainer/failure.h"

namespace plateau::trainer {
namespace {

bool is_baseline(const Trial& trial) {
  const auto names = baseline_methods();
  return std::find(names.begin(), names.end(), trial.adapter.method) != names.end();
}

bool is_answered_by_likelihood(const Trial& trial) {
  return answers_by_likelihood(trial.adapter.method, trial.adapter.parameters);
}

Pooling pooling_of(const Trial& trial) {
  if (trial.task.kind == kCausalLm || is_answered_by_likelihood(trial)) return Pooling::kTokens;
  return trial.base.pooling == "cls" ? Pooling::kCls : Pooling::kMean;
}

// Methods that train matrices of the base need them as numbers.
Storage storage_of(const Trial& trial) {
  if (trial.base.quantization == "nf4") return Storage::kNf4;
  return trains_matrices(trial.adapter.method) ? Storage::kNumbers : Storage::kAsInFile;
}

// Trials may share a pack when this is equal.
std::string base_key(const Trial& trial) {
  return trial.base.path + "\n" + std::to_string(static_cast<int>(pooling_of(trial))) + "\n" +
         trial.protocol.precision + "\n" + std::to_string(static_cast<int>(storage_of(trial)));
}

bool is_same(const Assignment& assignment, std::int64_t trial_id, std::int64_t attempt) {
  return assignment.trial_id == trial_id && assignment.attempt == attempt;
}

}  // namespace

// ---- The algorithm -----------------------------------------------------------------------------

void Trainer::step() {
  admit_waiting();
  if (!pack_.empty()) train_step();
}

void Trainer::train_step() {
  const TimeMs begin = context_.clock.monotonic_ms();
  std::vector<StepResult> results;
  const auto failure = guarded([&]() -> Status {
    results = pack_.step();
    return {};
  });
  if (failure) {
    // It cannot be told whose fault it was; the scheduler lets each member run alone once.
    while (!jobs_.empty()) {
      fail(jobs_.front()->assignment(), failure->kind, failure->message);
      remove(&jobs_.front()->member());
    }
    return;
  }
  const double seconds = static_cast<double>(context_.clock.monotonic_ms() - begin) / 1000.0;
  std::int64_t tokens = 0;
  for (const StepResult& result : results)
    tokens += result.tokens;
  for (const StepResult& result : results) {
    // A member's share of the time is its share of the tokens.
    after_step(result, seconds * static_cast<double>(result.tokens) / static_cast<double>(tokens));
  }
}

void Trainer::after_step(const StepResult& result, double seconds) {
  Job& job = job_of(result.member);
  if (result.diverged) {
    fail(job.assignment(), "diverged",
         "loss, gradient or weights were no longer finite after step " +
             std::to_string(result.member->step()) + " of " +
             std::to_string(result.member->steps_total()) +
             "; a smaller learning rate, a warm-up or max_grad_norm would help");
    remove(result.member);
    return;
  }
  settle(job, [&] { return job.after_step(result, seconds); });
}

// Does `work`, then ends the job when it is done or has failed.
void Trainer::settle(Job& job, const std::function<Status()>& work) {
  auto failure = guarded([&]() -> Status {
    if (Status status = work(); !status) return status;
    return job.member().is_done() ? job.finish() : Status();
  });
  if (failure && job.has_diverged()) failure->kind = "diverged";
  if (failure) fail(job.assignment(), failure->kind, failure->message);
  if (failure || job.member().is_done()) remove(&job.member());
}

// ---- Coming and going --------------------------------------------------------------------------

void Trainer::assign(Assignment assignment) {
  waiting_.push_back(std::move(assignment));
}

bool Trainer::may_start(const Assignment& assignment) const {
  if (jobs_.empty()) return true;
  const Assignment& running = jobs_.front()->assignment();
  return !assignment.alone && !running.alone &&
         base_key(assignment.trial) == base_key(running.trial);
}

void Trainer::admit_waiting() {
  while (!waiting_.empty() && may_start(waiting_.front())) {
    const Assignment assignment = waiting_.front();
    waiting_.pop_front();
    const auto failure = guarded([&] { return admit(assignment); });
    if (failure) fail(assignment, failure->kind, failure->message);
  }
}

Status Trainer::admit(Assignment assignment) {
  auto model = load_base(assignment.trial);
  if (!model) return model.error();
  if (is_answered_by_likelihood(assignment.trial))
    return run_likelihood(assignment, context_, **model);
  auto data = load_dataset(assignment.trial.task, assignment.trial.base.path);
  if (!data) return data.error();
  if (is_baseline(assignment.trial)) return run_baseline(assignment, context_, **model, **data);
  auto job = Job::create(std::move(assignment), context_, *model, *data);
  if (!job) return job.error();
  jobs_.push_back(std::move(*job));
  Job& begun = *jobs_.back();
  if (begun.member().is_done()) {  // Nothing is trained, or it was resumed after its last step.
    settle(begun, [] { return Status(); });
  } else {
    pack_.join(&begun.member());
  }
  return {};
}

Result<std::shared_ptr<const Model>> Trainer::load_base(const Trial& trial) {
  if (base_ != nullptr && base_key_ == base_key(trial)) return base_;
  const auto dtype = dtype_of_precision(trial.protocol.precision);
  if (!dtype) return dtype.error();
  base_.reset();  // Before the next one is loaded: two may not fit.
  const LoadOptions options{pooling_of(trial),
                            at::TensorOptions().dtype(*dtype).device(context_.device),
                            storage_of(trial)};
  auto model = load_model(trial.base.path, options);
  if (!model) return model.error();
  base_ = *model;
  base_key_ = base_key(trial);
  return base_;
}

void Trainer::cancel(std::int64_t trial_id, std::int64_t attempt) {
  const auto dropped = [&](const Assignment& assignment) {
    context_.sink(message_of(assignment, "dropped"));
  };
  const auto waiting = std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& assignment) {
    return is_same(assignment, trial_id, attempt);
  });
  if (waiting != waiting_.end()) {
    dropped(*waiting);
    waiting_.erase(waiting);
    return;
  }
  const auto running = std::find_if(jobs_.begin(), jobs_.end(), [&](const JobPtr& job) {
    return is_same(job->assignment(), trial_id, attempt);
  });
  if (running == jobs_.end()) return;
  dropped((*running)->assignment());
  remove(&(*running)->member());
}

void Trainer::checkpoint_all() {
  for (std::size_t i = jobs_.size(); i-- > 0;) {
    const auto failure = guarded([&] { return jobs_[i]->checkpoint(); });
    if (!failure) continue;
    fail(jobs_[i]->assignment(), failure->kind, failure->message);
    remove(&jobs_[i]->member());
  }
}

void Trainer::hand_back_all() {
  checkpoint_all();
  while (!jobs_.empty()) {
    context_.sink(message_of(jobs_.front()->assignment(), "handed_back"));
    remove(&jobs_.front()->member());
  }
  for (const Assignment& assignment : waiting_)
    context_.sink(message_of(assignment, "handed_back"));
  waiting_.clear();
}

void Trainer::fail(const Assignment& assignment, const std::string& kind,
                   const std::string& message) {
  nlohmann::json failed = message_of(assignment, "failed");
  failed["kind"] = kind;
  failed["message"] = message;
  context_.sink(failed);
}

Job& Trainer::job_of(const Member* member) {
  const auto found = std::find_if(jobs_.begin(), jobs_.end(),
                                  [&](const JobPtr& job) { return &job->member() == member; });
  PLATEAU_CHECK(found != jobs_.end(), "a member of the pack without a job");
  return **found;
}

void Trainer::remove(const Member* member) {
  Job& job = job_of(member);
  pack_.leave(&job.member());
  jobs_.erase(std::find_if(jobs_.begin(), jobs_.end(),
                           [&](const JobPtr& candidate) { return candidate.get() == &job; }));
}

}  // namespace plateau::trainer
