// One attempt at one trial inside the trainer: what was asked for, how far it is, what it leaves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/spec/trial.h"
#include "worker/trainer/checkpoint/checkpoint.h"
#include "worker/trainer/eval/evaluate.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {

// Takes messages to the runner as common/spec/pipe.h lists them.
using Sink = std::function<void(const nlohmann::json& message)>;

struct Assignment {
  std::int64_t trial_id = 0;
  std::int64_t attempt = 0;
  bool alone = false;
  Trial trial;
  std::filesystem::path folder;  // exists; the attempt's own
  std::filesystem::path resume;  // empty: from the start
};

// What the whole process shares and every job needs.
struct JobContext {
  const Clock& clock;
  Sink sink;
  std::string device;
  std::string device_name;
  std::string version;
};

class Job {
 public:
  // Model and data must be of the assignment's trial.
  static Result<std::unique_ptr<Job>> create(Assignment assignment, const JobContext& context,
                                             std::shared_ptr<const Model> model,
                                             std::shared_ptr<const Dataset> data);

  const Assignment& assignment() const { return assignment_; }
  Member& member() { return *member_; }

  // After an optimizer step of the member: counts, reports, evaluates and checkpoints where due.
  // `seconds` is the member's share of the step's time.
  Status after_step(const StepResult& result, double seconds);
  // The test split, artifacts and the finished message. Call once, when the member is done.
  Status finish();
  Status checkpoint();
  // Whether the last error was that the model's outputs are not finite: a result of the trial, not
  // a failure of the program.
  bool has_diverged() const { return has_diverged_; }

 private:
  Job(Assignment assignment, const JobContext& context, std::unique_ptr<Member> member);

  void resume();
  Status validate();
  Result<Predictions> answers(const Split& split);
  Result<Predictions> predict(const Split& split);
  void add_metric(const std::string& split, const std::string& name, double value);
  void report_loss(const StepResult& result);
  void report_progress();

  Assignment assignment_;
  const JobContext& context_;
  std::unique_ptr<Member> member_;
  History history_;
  std::vector<std::string> notes_;
  TimeMs last_progress_ms_ = 0;
  TimeMs last_checkpoint_ms_ = 0;
  std::int64_t tokens_since_progress_ = 0;
  double last_loss_ = 0.0;
  bool has_diverged_ = false;
};

// The message {"type": type, trial_id, attempt} of an assignment.
nlohmann::json message_of(const Assignment& assignment, const char* type);

// Steps after which the validation split is evaluated: evenly over training, the last at its end.
std::vector<std::int64_t> evaluation_steps(std::int64_t steps_total, std::int64_t evaluations);

// Trains nothing: fits and evaluates the majority class or the linear probe, writes its artifacts
// and sends the finished message.
Status run_baseline(const Assignment& assignment, const JobContext& context, const Model& model,
                    const Dataset& data);
// The same for the frozen base with a template: every class's name is tried behind each text.
Status run_likelihood(const Assignment& assignment, const JobContext& context, const Model& model);
// majority, probe: the methods that run_baseline knows.
std::vector<std::string> baseline_methods();

}  // namespace plateau::trainer
