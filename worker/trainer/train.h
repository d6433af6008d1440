// The trainer: takes trials, trains them in packs on one device, reports each.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "worker/trainer/job.h"

namespace plateau::trainer {

// Owns the loaded base and the running pack. One thread. Every failure of a trial, LibTorch's
// exceptions included, becomes a failed message; nothing is thrown.
class Trainer {
 public:
  explicit Trainer(JobContext context) : context_(std::move(context)) {}

  // Queued. It joins the running pack at the next step if base and precision are the same and
  // neither is alone; else it waits until the pack is empty. Trials are started in the order they
  // came.
  void assign(Assignment assignment);
  // Drops a waiting or running trial without a checkpoint and says so; unknown ones are dropped
  // already.
  void cancel(std::int64_t trial_id, std::int64_t attempt);
  // Writes a checkpoint of every running trial.
  void checkpoint_all();
  // Checkpoints and gives back everything: afterwards the trainer has no work.
  void hand_back_all();

  bool has_work() const { return !waiting_.empty() || !jobs_.empty(); }
  // Starts what can be started, then one optimizer step of the pack and what follows from it.
  // Blocks for as long as that takes: a step, an evaluation, or a whole baseline.
  void step();

 private:
  using JobPtr = std::unique_ptr<Job>;

  void admit_waiting();
  Status admit(Assignment assignment);
  bool may_start(const Assignment& assignment) const;
  Result<std::shared_ptr<const Model>> load_base(const Trial& trial);
  void train_step();
  void after_step(const StepResult& result, double seconds);
  void settle(Job& job, const std::function<Status()>& work);
  void fail(const Assignment& assignment, const std::string& kind, const std::string& message);
  void remove(const Member* member);
  Job& job_of(const Member* member);

  JobContext context_;
  std::deque<Assignment> waiting_;
  std::vector<JobPtr> jobs_;  // running: all in pack_ that have steps left
  Pack pack_;
  // The last base: it stays loaded from trial to trial.
  std::string base_key_;
  std::shared_ptr<const Model> base_;
};

}  // namespace plateau::trainer
