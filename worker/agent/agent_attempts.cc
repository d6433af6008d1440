#include <algorithm>

#include "common/base/check.h"
#include "worker/agent/agent_core.h"

namespace plateau::agent {

Attempt* AgentCore::find(const AttemptRef& ref) {
  const auto found = attempts_.find(ref);
  return found == attempts_.end() ? nullptr : &found->second;
}

Attempt* AgentCore::find_in_trainer(const AttemptRef& ref) {
  Attempt* attempt = find(ref);
  if (attempt == nullptr) return nullptr;
  const bool inside = std::holds_alternative<InTrainer>(attempt->phase) ||
                      std::holds_alternative<Leaving>(attempt->phase);
  return inside ? attempt : nullptr;
}

// ---- into the trainer ---------------------------------------------------------------------------

void AgentCore::on(const Assign& assign, TimeMs now) {
  AttemptNumber& newest = newest_[assign.attempt.trial];
  if (assign.attempt.attempt <= newest) return;  // Repeated, late, or cancelled before it came.
  newest = assign.attempt.attempt;
  const AttemptRef first{assign.attempt.trial, AttemptNumber{0}};
  for (auto it = attempts_.lower_bound(first); it != attempts_.end(); ++it) {
    if (it->first.trial != assign.attempt.trial) break;
    take_away(it->second, "a newer attempt of the trial came");
  }
  Attempt& attempt = attempts_[assign.attempt];
  attempt.ref = assign.attempt;
  attempt.slot = assign.slot;
  attempt.alone = assign.alone;
  attempt.trial_json = assign.trial_json;
  attempt.phase = Preparing{};
  if (assign.slot.value < 0 || static_cast<std::size_t>(assign.slot.value) >= options_.slots) {
    end(attempt, HandedBackReport{"this worker has no slot " + std::to_string(assign.slot.value)});
    return;
  }
  if (ending_) {
    end(attempt, HandedBackReport{"the worker takes no more trials: " + ending_->reason});
    return;
  }
  auto& preparing = std::get<Preparing>(attempt.phase);
  preparing.last_piece = now;
  if (assign.resume && assign.resume->size_bytes > 0) preparing.resume = assign.resume;
  act(PrepareTrial{attempt.ref, attempt.trial_json});
}

void AgentCore::on(const ResumeData& data, TimeMs now) {
  Attempt* attempt = find(data.attempt);
  auto* preparing = attempt == nullptr ? nullptr : std::get_if<Preparing>(&attempt->phase);
  if (preparing == nullptr || !preparing->resume || preparing->verifying) return;
  if (data.offset != preparing->resume_bytes || data.data.empty()) return;  // Repeated, or a gap.
  preparing->last_piece = now;
  preparing->resume_bytes += data.data.size();
  act(StoreResume{attempt->ref, data.offset, data.data});
  if (preparing->resume_bytes < preparing->resume->size_bytes) return;
  preparing->verifying = true;
  act(VerifyResume{attempt->ref, *preparing->resume});
}

void AgentCore::on(const ResumeVerified& event, TimeMs /*now*/) {
  Attempt* attempt = find(event.attempt);
  auto* preparing = attempt == nullptr ? nullptr : std::get_if<Preparing>(&attempt->phase);
  if (preparing == nullptr || !preparing->verifying) return;
  if (!event.good) {
    log(Log::Level::kWarning, "the checkpoint of trial " +
                                  std::to_string(event.attempt.trial.value) +
                                  " does not match its SHA-256; it begins at step 0");
  }
  preparing->resume_good = event.good;
  preparing->resume.reset();
  start_if_ready(*attempt);
}

void AgentCore::on(const TrialPrepared& event, TimeMs /*now*/) {
  Attempt* attempt = find(event.attempt);
  auto* preparing = attempt == nullptr ? nullptr : std::get_if<Preparing>(&attempt->phase);
  if (preparing == nullptr) return;
  preparing->prepared_trial = event.trial_json;
  start_if_ready(*attempt);
}

void AgentCore::on(const PreparationFailed& event, TimeMs /*now*/) {
  Attempt* attempt = find(event.attempt);
  if (attempt == nullptr || !std::holds_alternative<Preparing>(attempt->phase)) return;
  end(*attempt, FailedReport{event.kind, event.message, {}});
}

void AgentCore::start_if_ready(Attempt& attempt) {
  const auto& preparing = std::get<Preparing>(attempt.phase);
  if (!preparing.prepared_trial || preparing.resume) return;
  StartTrial start{attempt.slot, attempt.ref, *preparing.prepared_trial, attempt.alone,
                   preparing.resume_good};
  attempt.phase = InTrainer{};
  act(std::move(start));
}

// ---- in the trainer -----------------------------------------------------------------------------

void AgentCore::on(const TrialStarted& event, TimeMs /*now*/) {
  Attempt* attempt = find(event.attempt);
  auto* inside = attempt == nullptr ? nullptr : std::get_if<InTrainer>(&attempt->phase);
  if (inside == nullptr || inside->started) return;
  inside->started = true;
  reports_.add(attempt->ref, StartedReport{attempt->slot, event.step, event.steps_total});
}

void AgentCore::on(const TrialProgress& event, TimeMs now) {
  Attempt* attempt = find_in_trainer(event.attempt);
  if (attempt == nullptr) return;
  attempt->progress = ProgressReport{event.step, event.steps_total, event.loss, event.tokens_per_s};
  tick_attempts(now);
}

void AgentCore::on(const TrialMetric& event, TimeMs /*now*/) {
  if (Attempt* attempt = find_in_trainer(event.attempt)) {
    reports_.add(attempt->ref, MetricReport{event.step, event.split, event.name, event.value});
  }
}

void AgentCore::on(const TrialCheckpoint& event, TimeMs /*now*/) {
  Attempt* attempt = find_in_trainer(event.attempt);
  if (attempt == nullptr) return;
  if (event.file.size_bytes > options_.checkpoint_upload_max_bytes) {
    log(Log::Level::kInfo, "the checkpoint of trial " + std::to_string(event.attempt.trial.value) +
                               " has " + std::to_string(event.file.size_bytes >> 20) +
                               " MiB and stays on this node");
    return;
  }
  reports_.add(attempt->ref, CheckpointedReport{event.step, event.file});
  uploads_.add_checkpoint(attempt->ref, event.file);
}

// ---- out of the trainer -------------------------------------------------------------------------

void AgentCore::on(const TrialFinished& event, TimeMs /*now*/) {
  Attempt* attempt = find_in_trainer(event.attempt);
  if (attempt == nullptr) return;
  if (auto* leaving = std::get_if<Leaving>(&attempt->phase); leaving != nullptr && !ending_) {
    // The coordinator took it away meanwhile and would throw the result away.
    end(*attempt, HandedBackReport{leaving->reason});
    return;
  }
  uploads_.drop(attempt->ref);  // Its checkpoints: nobody resumes what is finished.
  for (const Artifact& artifact : event.artifacts)
    uploads_.add(attempt->ref, artifact);
  FinishedReport report{event.result_json, event.artifacts};
  act(KeepResult{attempt->ref, report});
  end(*attempt, std::move(report));
}

void AgentCore::on(const TrialFailed& event, TimeMs /*now*/) {
  if (Attempt* attempt = find_in_trainer(event.attempt)) {
    end(*attempt, FailedReport{event.kind, event.message, {}});
  }
}

void AgentCore::on(const TrialHandedBack& event, TimeMs /*now*/) {
  Attempt* attempt = find_in_trainer(event.attempt);
  if (attempt == nullptr) return;
  const auto* leaving = std::get_if<Leaving>(&attempt->phase);
  end(*attempt, HandedBackReport{leaving != nullptr ? leaving->reason : "the trainer stopped"});
}

void AgentCore::on(const TrialDropped& event, TimeMs now) {
  on(TrialHandedBack{event.attempt}, now);
}

void AgentCore::on(const TrainerDied& event, TimeMs /*now*/) {
  std::vector<TrialId> pack;
  for (const auto& [ref, attempt] : attempts_) {
    if (attempt.slot == event.slot && std::holds_alternative<InTrainer>(attempt.phase)) {
      pack.push_back(ref.trial);
    }
  }
  for (auto& [ref, attempt] : attempts_) {
    if (attempt.slot != event.slot) continue;
    if (const auto* leaving = std::get_if<Leaving>(&attempt.phase)) {
      const std::string reason = leaving->reason;
      end(attempt, HandedBackReport{reason});
    } else if (std::holds_alternative<InTrainer>(attempt.phase)) {
      end(attempt, FailedReport{event.kind, event.message, pack});
    }
  }
}

void AgentCore::on(const Cancel& cancel, TimeMs /*now*/) {
  AttemptNumber& newest = newest_[cancel.attempt.trial];
  newest = std::max(newest, cancel.attempt.attempt);
  if (Attempt* attempt = find(cancel.attempt)) take_away(*attempt, "cancelled: " + cancel.reason);
}

// Whatever it does, it stops, and is handed back as soon as no trainer touches it.
void AgentCore::take_away(Attempt& attempt, const std::string& reason) {
  if (std::holds_alternative<Preparing>(attempt.phase)) {
    end(attempt, HandedBackReport{reason});
  } else if (std::holds_alternative<InTrainer>(attempt.phase)) {
    attempt.phase = Leaving{reason};
    uploads_.drop(attempt.ref);
    reports_.drop_waiting(attempt.ref);
    act(CancelTrial{attempt.slot, attempt.ref});
  } else if (std::holds_alternative<Uploading>(attempt.phase)) {
    uploads_.drop(attempt.ref);
    reports_.drop_waiting(attempt.ref);
    end(attempt, HandedBackReport{reason});
  }
  // Leaving: under way already. Reported: the last report has its place in the queue, and a
  // coordinator drops it as stale.
}

void AgentCore::end(Attempt& attempt, ReportBody last_report) {
  if (std::holds_alternative<FailedReport>(last_report)) uploads_.drop(attempt.ref);
  attempt.progress.reset();
  attempt.phase = Uploading{std::move(last_report)};
  report_if_uploaded(attempt);
}

void AgentCore::report_if_uploaded(Attempt& attempt) {
  auto* uploading = std::get_if<Uploading>(&attempt.phase);
  if (uploading == nullptr || uploads_.has(attempt.ref)) return;
  reports_.add(attempt.ref, std::move(uploading->last_report));
  attempt.phase = Reported{};
}

// ---- uploads ------------------------------------------------------------------------------------

void AgentCore::on(const ChunkAck& ack, TimeMs now) {
  const UploadQueue::Outcome outcome = uploads_.on_ack(ack, now);
  Attempt* attempt = find(ack.attempt);
  if (attempt == nullptr || outcome == UploadQueue::Outcome::kNone) return;
  if (outcome == UploadQueue::Outcome::kHopeless) {
    fail_upload(*attempt, "the coordinator received " + ack.name + " " +
                              std::to_string(kUploadTrials) +
                              " times with a wrong SHA-256; the file changed on this node's disk");
  }
  report_if_uploaded(*attempt);
}

void AgentCore::on(const UploadUnreadable& event, TimeMs /*now*/) {
  uploads_.drop(event.attempt, event.name);
  if (Attempt* attempt = find(event.attempt)) {
    fail_upload(*attempt, event.message);
    report_if_uploaded(*attempt);
  }
}

// A checkpoint that cannot be read costs a later resumption some steps; a result that cannot be
// read is no result.
void AgentCore::fail_upload(Attempt& attempt, const std::string& message) {
  const auto* uploading = std::get_if<Uploading>(&attempt.phase);
  if (uploading == nullptr || !std::holds_alternative<FinishedReport>(uploading->last_report)) {
    log(Log::Level::kWarning, "a checkpoint of trial " + std::to_string(attempt.ref.trial.value) +
                                  " does not reach the coordinator: " + message);
    return;
  }
  end(attempt, FailedReport{FailureKind::kNodeFault, message, {}});
}

void AgentCore::tick_attempts(TimeMs now) {
  for (auto& [ref, attempt] : attempts_) {
    auto* preparing = std::get_if<Preparing>(&attempt.phase);
    const bool waits_for_bytes = preparing != nullptr && preparing->resume && !preparing->verifying;
    if (waits_for_bytes && now - preparing->last_piece >= options_.resume_timeout_ms) {
      // Lost with the coordinator's disk, perhaps: waiting longer would wait for ever.
      log(Log::Level::kWarning, "the checkpoint of trial " + std::to_string(ref.trial.value) +
                                    " did not arrive; it begins at step 0");
      preparing->resume.reset();
      start_if_ready(attempt);
    }
    if (attempt.progress && now >= attempt.next_progress && connected()) {
      act(SendReport{{0, ref, *attempt.progress}});
      attempt.progress.reset();
      attempt.next_progress = now + options_.progress_interval_ms;
    }
  }
}

}  // namespace plateau::agent
