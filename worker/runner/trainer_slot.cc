#include "worker/runner/trainer_slot.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>

#include "common/base/file.h"

namespace plateau::runner {
namespace {

constexpr TimeMs kNever = std::numeric_limits<TimeMs>::max();
// A process that closed its output is on its way out; one that stays after that is not ours.
constexpr DurationMs kExitAfterClosedMs = 2000;
// Where there is no pidfd, the end of a process is asked for so often.
constexpr DurationMs kPollExitMs = 50;
// Of a trainer's log, in a failure's message.
constexpr std::uint64_t kLastWordsBytes = 2048;
// A log larger than this is moved to .old when the next process starts.
constexpr std::uint64_t kMaxLogBytes = 16u << 20;

std::uint64_t size_of(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

}  // namespace

TrainerSlot::TrainerSlot(const RunnerOptions& options, SlotSetup setup)
    : options_(options),
      setup_(std::move(setup)),
      log_path_(options.log_folder + "/trainer-" + std::to_string(setup_.index.value) + ".log") {}

void TrainerSlot::start_trial(TrialStart start, TimeMs now) {
  if (inside() == 0) last_heard_ = now;  // The silence of an idle trainer was no hang.
  waiting_.push_back(std::move(start));
}

void TrainerSlot::cancel(const AttemptRef& attempt) {
  const auto waits = [&](const TrialStart& start) { return start.attempt == attempt; };
  if (std::erase_if(waiting_, waits) > 0) dropped_.push_back(attempt);
  if (process_ && inside_.count(attempt) > 0) process_->write(pipe::encode(cancel_frame(attempt)));
}

void TrainerSlot::stop(DurationMs grace_ms, TimeMs now) {
  stopping_ = true;
  kill_at_ = now + grace_ms;
  waiting_.clear();
  if (process_) process_->write(pipe::encode({{"type", "stop"}}));
}

void TrainerSlot::poll(TimeMs now, std::vector<TrialEvent>& events) {
  for (const AttemptRef& attempt : dropped_)
    events.emplace_back(TrialDropped{attempt});
  dropped_.clear();
  if (process_) {
    process_->write_more();
    // Asked before reading: what it wrote before its end is then all in the pipe.
    const std::optional<ExitStatus> ended = process_->poll_exit();
    read_frames(now, events);
    if (ended) {
      bury(*ended, now, events);
    } else {
      watch(now);
    }
  }
  if (!process_ && stopping_) {
    stopping_ = false;
    kill_at_ = 0;
    events.emplace_back(TrainerDied{setup_.index, FailureKind::kTrainerCrashed, "stopped"});
  }
  if (waiting_.empty() || stopping_) return;
  if (!process_ && now >= not_before_) start_process(now, events);
  while (process_ && !waiting_.empty()) {
    const TrialStart start = std::move(waiting_.front());
    waiting_.pop_front();
    hand_over(start, events);
  }
}

void TrainerSlot::start_process(TimeMs now, std::vector<TrialEvent>& events) {
  if (size_of(log_path_) > kMaxLogBytes) {
    std::error_code ignored;
    std::filesystem::rename(log_path_, log_path_ + ".old", ignored);
  }
  log_start_ = size_of(log_path_);
  Command command;
  command.program = options_.trainer_program;
  command.arguments = {"serve", "--device", setup_.device_argument};
  command.environment = setup_.environment;
  command.log_path = log_path_;
  Result<std::unique_ptr<Process>> started = Process::start(command);
  decoder_ = {};
  said_hello_ = finished_any_ = false;
  kill_reason_.clear();
  kill_kind_ = FailureKind::kTrainerCrashed;
  output_closed_at_ = 0;
  last_heard_ = now;
  if (started) {
    process_ = std::move(*started);
    return;
  }
  waiting_.clear();
  events.emplace_back(TrainerDied{setup_.index, FailureKind::kNodeFault,
                                  "No trainer on this node: " + started.error().message});
}

void TrainerSlot::hand_over(const TrialStart& start, std::vector<TrialEvent>& events) {
  const Result<nlohmann::json> frame = assign_frame(start);
  if (!frame) {
    events.emplace_back(
        TrialFailed{start.attempt, FailureKind::kBadConfiguration, frame.error().message});
    return;
  }
  if (const Status made = make_folder(start.folder); !made) {
    events.emplace_back(TrialFailed{start.attempt, FailureKind::kNodeFault, made.error().message});
    return;
  }
  inside_.insert(start.attempt);
  process_->write(pipe::encode(*frame));
}

void TrainerSlot::read_frames(TimeMs now, std::vector<TrialEvent>& events) {
  while (true) {
    const std::string bytes = process_->read_some();
    if (bytes.empty()) break;
    last_heard_ = now;
    if (!kill_reason_.empty()) continue;  // What it says after a violation is not believed.
    decoder_.feed(bytes);
    while (true) {
      Result<std::optional<nlohmann::json>> frame = decoder_.next();
      if (!frame) {
        kill_because("sent what is no frame (" + frame.error().message + ")");
        break;
      }
      if (!frame->has_value()) break;
      take_frame(**frame, events);
      if (!kill_reason_.empty()) break;
    }
  }
  if (process_->output_fd() < 0 && output_closed_at_ == 0) output_closed_at_ = now;
}

void TrainerSlot::take_frame(const nlohmann::json& frame, std::vector<TrialEvent>& events) {
  if (!said_hello_) {
    if (const Status hello = check_hello(frame); !hello) {
      kill_kind_ = FailureKind::kNodeFault;
      kill_because("cannot be used: " + hello.error().message);
    }
    said_hello_ = true;
    return;
  }
  Result<TrialEvent> event = event_from_frame(frame);
  if (!event) {
    kill_because("broke the pipe protocol: " + event.error().message);
    return;
  }
  const auto leaves = [&](const AttemptRef& attempt) { inside_.erase(attempt); };
  if (const auto* finished = std::get_if<TrialFinished>(&*event)) {
    leaves(finished->attempt);
    finished_any_ = true;
  } else if (const auto* failed = std::get_if<TrialFailed>(&*event)) {
    leaves(failed->attempt);
  } else if (const auto* handed_back = std::get_if<TrialHandedBack>(&*event)) {
    leaves(handed_back->attempt);
  } else if (const auto* dropped = std::get_if<TrialDropped>(&*event)) {
    leaves(dropped->attempt);
  }
  events.push_back(std::move(*event));
}

void TrainerSlot::watch(TimeMs now) {
  if (!kill_reason_.empty()) return;
  if (kill_at_ != 0 && now >= kill_at_) {
    kill_because("did not stop within its grace time");
  } else if (!inside_.empty() && now - last_heard_ >= options_.hang_after_ms) {
    kill_because("sent nothing for " + format_duration(options_.hang_after_ms) +
                 " with trials in it");
  } else if (output_closed_at_ != 0 && now - output_closed_at_ >= kExitAfterClosedMs) {
    kill_because("closed its output and stayed");
  }
}

void TrainerSlot::kill_because(std::string reason) {
  kill_reason_ = std::move(reason);
  process_->kill();
}

void TrainerSlot::bury(const ExitStatus& status, TimeMs now, std::vector<TrialEvent>& events) {
  failures_ = finished_any_ || stopping_ ? 0 : failures_ + 1;
  const DurationMs delay_ms =
      failures_ <= 1
          ? 0
          : std::min(options_.backoff_ms << std::min(failures_ - 2, 16), options_.backoff_max_ms);
  not_before_ = now + delay_ms;
  std::string message = "The trainer on " + setup_.device_name + " ";
  message += kill_reason_.empty() ? describe(status) : kill_reason_ + ", and was killed";
  message += ".";
  if (!stopping_) message += last_words();
  process_.reset();
  inside_.clear();
  stopping_ = false;
  kill_at_ = 0;
  events.emplace_back(TrainerDied{setup_.index, kill_kind_, std::move(message)});
}

std::string TrainerSlot::last_words() const {
  const std::uint64_t size = size_of(log_path_);
  if (size <= log_start_) return " It left no word in " + log_path_ + ".";
  std::ifstream in(log_path_, std::ios::binary);
  const std::uint64_t from =
      std::max(log_start_, size > kLastWordsBytes ? size - kLastWordsBytes : std::uint64_t{0});
  in.seekg(static_cast<std::streamoff>(from));
  std::string words(static_cast<std::size_t>(size - from), '\0');
  in.read(words.data(), static_cast<std::streamsize>(words.size()));
  words.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (from > log_start_) words.erase(0, words.find('\n') + 1);  // The first line is cut.
  return " Its last words (" + log_path_ + "):\n" + words;
}

TimeMs TrainerSlot::next_wakeup(TimeMs now) const {
  if (!dropped_.empty()) return now;
  if (!process_) return waiting_.empty() && !stopping_ ? kNever : std::max(now, not_before_);
  TimeMs next = kNever;
  if (process_->exit_fd() < 0) next = now + kPollExitMs;
  if (!waiting_.empty()) next = now;
  if (!kill_reason_.empty()) return next;
  if (kill_at_ != 0) next = std::min(next, kill_at_);
  if (!inside_.empty()) next = std::min(next, last_heard_ + options_.hang_after_ms);
  if (output_closed_at_ != 0) next = std::min(next, output_closed_at_ + kExitAfterClosedMs);
  return next;
}

}  // namespace plateau::runner
