// Boost 1.74's Asio needs <utility> first with some compilers.
#include "worker/agent/agent_loop.h"

#include <algorithm>
#include <csignal>
#include <deque>
#include <limits>
#include <optional>
#include <system_error>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "worker/agent/attempt_files.h"

namespace plateau::agent {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// Frames taken from the endpoint before the trainers are looked at again.
constexpr int kFramesATurn = 256;
// A disk that is full says so at every report; a person wants to know once in a while.
constexpr DurationMs kRepeatWarningMs = 60'000;
// Between two looks at how the connection's handshakes go.
constexpr DurationMs kLookMs = 200;
// From a result's being written to its disk sync. A coordinator that is there syncs it and
// acknowledges it sooner, so that a busy worker need not wait for its own disk at every trial.
constexpr DurationMs kSyncAfterMs = 100;

}  // namespace

FailureKind failure_kind(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kIo:
    case ErrorKind::kBusy:
    case ErrorKind::kInternal:
      return FailureKind::kNodeFault;
    case ErrorKind::kInvalidArgument:
    case ErrorKind::kNotFound:
    case ErrorKind::kCorrupt:
    case ErrorKind::kVersion:
      return FailureKind::kBadConfiguration;
  }
  return FailureKind::kNodeFault;
}

class AgentLoop::Impl {
 public:
  Impl(LoopOptions options, LoopParts parts, const Clock& clock)
      : options_(std::move(options)),
        parts_(std::move(parts)),
        clock_(clock),
        state_(options_.agent, clock.monotonic_ms(), parts_.restored),
        files_(options_.attempts_folder),
        signals_(io_, SIGTERM, SIGINT, SIGUSR1),
        timer_(io_),
        endpoint_ready_(io_, parts_.endpoint->poll_fd()),
        runner_ready_(io_, parts_.runner->poll_fd()) {
    signals_.add(SIGHUP);
    if (options_.until_ms > 0) {
      preempt_at_ = now() + std::max<DurationMs>(options_.until_ms - options_.agent.grace_ms, 0);
    }
  }

  ~Impl() {
    // Their owners close them.
    endpoint_ready_.release();
    runner_ready_.release();
    pool_.stop();
    pool_.join();
  }

  End run() {
    wait_for_signals();
    wait_for(endpoint_ready_);
    wait_for(runner_ready_);
    events_.push_back(Tick{});
    turn();
    while (!end_)
      io_.run_one();
    if (parts_.spool.must_sync()) note(parts_.spool.sync());
    return *end_;
  }

 private:
  TimeMs now() const { return clock_.monotonic_ms(); }

  void wait_for_signals() {
    signals_.async_wait([this](const error_code& error, int signal) {
      if (error) return;
      on_signal(signal);
      wait_for_signals();
    });
  }

  void wait_for(asio::posix::stream_descriptor& descriptor) {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [this, &descriptor](const error_code& error) {
                            if (error || end_) return;
                            turn();
                            wait_for(descriptor);
                          });
  }

  void on_signal(int signal) {
    const bool insists = signal == SIGTERM || signal == SIGINT;
    if (insists && signalled_) {
      end_ = End{{Exit::Why::kGraceOver, "interrupted twice"}, true};
      return;
    }
    signalled_ = signalled_ || insists;
    preempt(std::string("signal ") + ::sigdescr_np(signal));
    turn();
  }

  void preempt(const std::string& reason) { events_.push_back(Preempt{reason}); }

  // Everything that can be done now; then the timer is set to when the next thing is due.
  void turn() {
    if (end_) return;
    if (preempt_at_ && now() >= *preempt_at_) {
      preempt_at_.reset();
      preempt("the time that --until gave is over");
    }
    if (now() >= state_.next_wakeup()) events_.push_back(Tick{});
    look_at_connection();
    bool more = true;
    while (more && !end_) {
      more = take_frames();
      take_trainers();
      more = process_events() || more;
    }
    if (!end_) set_timer();
  }

  // One turn for all that is ready by then.
  void request_turn() {
    if (turn_requested_) return;
    turn_requested_ = true;
    asio::post(io_, [this] {
      turn_requested_ = false;
      turn();
    });
  }

  void set_timer() {
    TimeMs next = std::min(state_.next_wakeup(), parts_.runner->next_wakeup(now()));
    if (preempt_at_) next = std::min(next, *preempt_at_);
    if (sync_at_) next = std::min(next, *sync_at_);
    // Never a wait without end: a wake-up that was forgotten would be a worker that hangs.
    const DurationMs wait_ms = std::clamp<DurationMs>(next - now(), 0, 60'000);
    timer_.expires_after(std::chrono::milliseconds(wait_ms));
    timer_.async_wait([this](const error_code& error) {
      if (!error) turn();
    });
  }

  // A coordinator that will never have us: nothing to wait for, unless trials are in a trainer.
  // Those go on, and their results stay on the disk, as with a coordinator that is gone.
  void look_at_connection() {
    if (now() < next_look_) return;
    next_look_ = now() + kLookMs;
    const std::optional<std::string> refusal = parts_.endpoint->refusal(now());
    if (!refusal) return;
    bool at_work = false;
    for (std::uint32_t slot = 0; slot < options_.agent.slots; ++slot)
      at_work = at_work || !state_.in_trainer(SlotIndex{slot}).empty();
    if (at_work) return warn("no way to the coordinator, training goes on: " + *refusal + ".");
    end_ = End{{Exit::Why::kKeyRefused, *refusal + "."}, false};
  }

  bool take_frames() {
    for (int i = 0; i < kFramesATurn; ++i) {
      const std::optional<Frame> frame = parts_.endpoint->receive();
      if (!frame) return false;
      const Result<wire::FromCoordinator> message = wire::decode_from_coordinator(frame->bytes);
      if (!message) {
        warn("dropped a message from the coordinator: " + message.error().message);
        continue;
      }
      events_.push_back(event_from(*message));
    }
    return true;
  }

  void take_trainers() {
    for (runner::TrialEvent& happened : parts_.runner->poll(now())) {
      std::visit([&](auto& event) { events_.push_back(checked(std::move(event))); }, happened);
    }
  }

  // A trainer's word goes to the coordinator as it is; what the wire would refuse must not become
  // a report, since a report that cannot be sent holds up all that come after it.
  template <typename Happened>
  Event checked(Happened event) {
    if constexpr (std::is_same_v<Happened, TrialMetric>) {
      const ReportBody body = MetricReport{event.step, event.split, event.name, event.value};
      if (const Status fit = fits_wire(event.attempt, body); !fit) return drop(fit.error());
    } else if constexpr (std::is_same_v<Happened, TrialCheckpoint>) {
      const ReportBody body = CheckpointedReport{event.step, event.file};
      if (const Status fit = fits_wire(event.attempt, body); !fit) return drop(fit.error());
    } else if constexpr (std::is_same_v<Happened, TrialFinished>) {
      const ReportBody body = FinishedReport{event.result_json, event.artifacts};
      if (const Status fit = fits_wire(event.attempt, body); !fit) {
        return TrialFailed{event.attempt, FailureKind::kTrainerCrashed,
                           "The trainer's result cannot be sent. " + fit.error().message};
      }
    }
    return event;
  }

  Status fits_wire(const AttemptRef& attempt, const ReportBody& body) const {
    const auto bytes = wire::encode(report_message(options_.agent.session, {1, attempt, body}));
    if (!bytes) return bytes.error();
    return {};
  }

  Event drop(const Error& error) {
    warn("dropped what a trainer said: " + error.message);
    return Tick{};
  }

  // True: something was done, so there may be more to do.
  bool process_events() {
    bool any = false;
    while (!events_.empty() && !end_) {
      const Event event = std::move(events_.front());
      events_.pop_front();
      for (const Action& action : state_.apply(event, now()))
        std::visit([&](const auto& wanted) { carry_out(wanted); }, action);
      any = true;
    }
    // Kept first, sent then: what the coordinator hears of survives us.
    for (const std::string& frame : outgoing_)
      parts_.endpoint->send({}, frame);
    outgoing_.clear();
    sync_if_due();
    if (exit_) end_ = End{*exit_, false};
    return any;
  }

  void sync_if_due() {
    if (!parts_.spool.must_sync()) return sync_at_.reset();
    if (!sync_at_) sync_at_ = now() + kSyncAfterMs;
    if (now() < *sync_at_) return;
    note(parts_.spool.sync());
    sync_at_.reset();
    // A full disk: try again.
    if (parts_.spool.must_sync()) sync_at_ = now() + kSyncAfterMs;
  }

  void send(const wire::FromWorker& message) {
    Result<std::string> bytes = wire::encode(message);
    if (!bytes) {
      warn(bytes.error().message);
      return;
    }
    outgoing_.push_back(std::move(*bytes));
  }

  void carry_out(const SendHello& hello) { send(hello_message(options_.worker, hello)); }
  void carry_out(const SendHeartbeat& beat) {
    send(heartbeat_message(options_.agent.session, beat));
  }
  void carry_out(const SendReport& report) {
    send(report_message(options_.agent.session, report.report));
  }
  void carry_out(const SendChunk& chunk) {
    Result<std::string> data = read_piece(chunk.artifact, chunk.offset, chunk.length);
    if (!data) {
      events_.push_back(UploadUnreadable{chunk.attempt, chunk.artifact.name, data.error().message});
      return;
    }
    send(chunk_message(options_.agent.session, chunk, std::move(*data)));
  }
  void carry_out(const SendGoodbye& goodbye) {
    send(goodbye_message(options_.agent.session, goodbye));
  }

  void carry_out(const PrepareTrial& wanted) {
    asio::post(pool_, [this, wanted] {
      Result<std::string> prepared = parts_.prepare(wanted.trial_json);
      asio::post(io_, [this, wanted, prepared = std::move(prepared)] {
        if (prepared) {
          events_.push_back(TrialPrepared{wanted.attempt, *prepared});
        } else {
          events_.push_back(PreparationFailed{wanted.attempt, failure_kind(prepared.error().kind),
                                              prepared.error().message});
        }
        request_turn();
      });
    });
  }
  void carry_out(const StoreResume& wanted) {
    // A write that failed shows when the file is verified.
    if (Status stored = files_.store_resume(wanted); !stored) warn(stored.error().message);
  }
  void carry_out(const VerifyResume& wanted) {
    events_.push_back(ResumeVerified{wanted.attempt, files_.resume_is_good(wanted)});
  }
  void carry_out(const StartTrial& wanted) {
    runner::TrialStart start;
    start.attempt = wanted.attempt;
    start.alone = wanted.alone;
    start.trial_json = wanted.trial_json;
    start.folder = files_.folder(wanted.attempt).string();
    if (wanted.resume) start.resume = files_.resume_path(wanted.attempt).string();
    parts_.runner->start_trial(wanted.slot, std::move(start), now());
  }
  void carry_out(const CancelTrial& wanted) { parts_.runner->cancel(wanted.slot, wanted.attempt); }
  void carry_out(const StopTrainer& wanted) {
    parts_.runner->stop(wanted.slot, wanted.grace_ms, now());
  }

  void carry_out(const KeepReport& kept) { note(parts_.spool.keep(kept.report)); }
  void carry_out(const KeepResult& kept) { note(parts_.spool.keep(kept)); }
  void carry_out(const ForgetReports& old) { note(parts_.spool.forget(old.through_sequence)); }
  void carry_out(const ReleaseAttempt& over) {
    note(parts_.spool.release(over.attempt));
    files_.remove(over.attempt);
  }
  void carry_out(const Exit& exit) { exit_ = exit; }
  void carry_out(const Log& log) { parts_.print(log.level, log.message); }

  void note(const Status& status) {
    if (!status) warn(status.error().message);
  }

  void warn(const std::string& message) {
    const bool again = message == last_warning_ && now() - last_warned_ < kRepeatWarningMs;
    if (again) return;
    last_warning_ = message;
    last_warned_ = now();
    parts_.print(Log::Level::kWarning, message);
  }

  LoopOptions options_;
  LoopParts parts_;
  const Clock& clock_;
  AgentState state_;
  AttemptFiles files_;
  asio::io_context io_;
  asio::thread_pool pool_{2};
  asio::signal_set signals_;
  asio::steady_timer timer_;
  asio::posix::stream_descriptor endpoint_ready_;
  asio::posix::stream_descriptor runner_ready_;

  std::deque<Event> events_;
  std::vector<std::string> outgoing_;
  std::optional<Exit> exit_;
  std::optional<End> end_;
  std::optional<TimeMs> preempt_at_;
  std::optional<TimeMs> sync_at_;
  bool signalled_ = false;
  bool turn_requested_ = false;
  TimeMs next_look_ = 0;
  std::string last_warning_;
  TimeMs last_warned_ = 0;
};

AgentLoop::AgentLoop(LoopOptions options, LoopParts parts, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(parts), clock)) {}

AgentLoop::~AgentLoop() = default;

AgentLoop::End AgentLoop::run() {
  return impl_->run();
}

}  // namespace plateau::agent
