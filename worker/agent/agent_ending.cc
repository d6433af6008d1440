#include <algorithm>

#include "worker/agent/agent_core.h"

namespace plateau::agent {
namespace {

// Of the grace time: trainers may use so much to write their checkpoints, and when the second part
// is over too, what was not uploaded is left behind and said so.
constexpr double kTrainerShare = 0.6;
constexpr double kUploadShare = 0.85;
// A coordinator that was not there for so long will not take anything from a worker that ends.
constexpr DurationMs kGoneMs = 5000;

TimeMs share(TimeMs now, DurationMs grace_ms, double part) {
  return now + static_cast<DurationMs>(static_cast<double>(grace_ms) * part);
}

}  // namespace

void AgentCore::on(const Stop& stop, TimeMs now) {
  if (stop.drain) {
    begin_drain(stop.reason, now);
  } else {
    begin_hand_back(stop.reason, Exit::Why::kDone, now);
  }
}

void AgentCore::on(const Preempt& preempt, TimeMs now) {
  begin_hand_back(preempt.reason, Exit::Why::kPreempted, now);
}

void AgentCore::begin_drain(const std::string& reason, TimeMs now) {
  if (ending_) return;
  log(Log::Level::kInfo, "finishing what runs, then ending: " + reason);
  ending_ = Ending{reason, Exit::Why::kDone, now, kNever, kNever};
}

void AgentCore::begin_hand_back(const std::string& reason, Exit::Why why, TimeMs now) {
  if (ending_ && ending_->deadline != kNever) return;  // Under way; the first deadline holds.
  log(Log::Level::kInfo, "handing everything back, then ending: " + reason);
  ending_ = Ending{reason, why, now, share(now, options_.grace_ms, kUploadShare),
                   now + options_.grace_ms};
  std::vector<bool> stop_slot(options_.slots, false);
  for (auto& [ref, attempt] : attempts_) {
    if (std::holds_alternative<Preparing>(attempt.phase)) {
      end(attempt, HandedBackReport{reason});
    } else if (std::holds_alternative<InTrainer>(attempt.phase)) {
      attempt.phase = Leaving{reason};
      stop_slot[static_cast<std::size_t>(attempt.slot.value)] = true;
    }
  }
  const DurationMs trainer_grace_ms = share(0, options_.grace_ms, kTrainerShare);
  for (std::size_t slot = 0; slot < options_.slots; ++slot) {
    if (!stop_slot[slot]) continue;
    act(StopTrainer{SlotIndex{static_cast<std::int64_t>(slot)}, trainer_grace_ms});
  }
}

void AgentCore::tick_ending(TimeMs now) {
  const auto* seeking = std::get_if<Seeking>(&connection_);
  const bool training = std::any_of(attempts_.begin(), attempts_.end(), [](const auto& entry) {
    const auto& phase = entry.second.phase;
    return !std::holds_alternative<Uploading>(phase) && !std::holds_alternative<Reported>(phase);
  });
  if (!ending_) {
    const bool gone = seeking != nullptr && now - seeking->since >= options_.give_up_ms;
    if (gone && !training) {
      exit(Exit::Why::kCoordinatorGone,
           "no coordinator for " + format_duration(now - seeking->since) +
               " and nothing left to train; results that could not be reported are kept");
    }
    return;
  }
  if (now >= ending_->give_up_uploads && ending_->give_up_uploads != kNever) {
    for (auto& [ref, attempt] : attempts_) {
      uploads_.drop(ref);
      const auto* uploading = std::get_if<Uploading>(&attempt.phase);
      const bool result =
          uploading != nullptr && std::holds_alternative<FinishedReport>(uploading->last_report);
      // A result without its files is no result; whoever trains it next has it again.
      if (result || std::holds_alternative<Leaving>(attempt.phase)) {
        end(attempt, HandedBackReport{ending_->reason});
      } else {
        report_if_uploaded(attempt);
      }
    }
    flush(now);
  }
  if (attempts_.empty() && reports_.empty()) {
    act(SendGoodbye{ending_->reason});
    exit(ending_->why, ending_->reason);
  } else if (now >= ending_->deadline) {
    act(SendGoodbye{ending_->reason});
    exit(Exit::Why::kGraceOver, ending_->reason);
  } else if (!training && seeking != nullptr && now - seeking->since >= kGoneMs &&
             now - ending_->begun >= kGoneMs) {
    exit(ending_->why, ending_->reason + "; the coordinator is away, so reports are kept here");
  }
}

void AgentCore::exit(Exit::Why why, const std::string& message) {
  act(Exit{why, message});
  connection_ = Ended{};
}

}  // namespace plateau::agent
