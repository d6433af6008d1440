#include "coordinator/loop/loop.h"

#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

namespace plateau {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class Loop {
 public:
  Loop(Engine& engine, Endpoint& endpoint, const LoopOptions& options)
      : engine_(engine),
        options_(options),
        // Asio may close what it owns; the endpoint's descriptor stays the endpoint's.
        readable_(context_, endpoint.poll_fd()),
        timer_(context_),
        signals_(context_, SIGINT, SIGTERM, SIGHUP) {}

  ~Loop() { readable_.release(); }

  Result<LoopEnd> run() {
    wait_for_frames();
    wait_for_signal();
    tick();
    context_.run();
    if (error_) return *error_;
    return end_;
  }

 private:
  void wait_for_frames() {
    readable_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
      if (error) return;
      wait_for_frames();
      request_round();
    });
  }

  void wait_for_signal() {
    signals_.async_wait([this](error_code error, int) {
      if (error) return;
      if (interrupted_) return finish({LoopEnd::Why::kAtOnce, "interrupted twice"});
      interrupted_ = true;
      if (options_.on_stopping) options_.on_stopping();
      engine_.post(event::StopRequested{/*drain=*/false, "the coordinator was interrupted"});
      wait_for_signal();
      request_round();
    });
  }

  void tick() {
    if (options_.on_tick) {
      if (const Status ticked = options_.on_tick(interrupted_); !ticked) {
        error_ = ticked.error();
        return context_.stop();
      }
    }
    engine_.post(event::Tick{});
    request_round();
    timer_.expires_after(std::chrono::milliseconds(options_.tick_ms));
    timer_.async_wait([this](error_code error) {
      if (!error) tick();
    });
  }

  // Rounds follow each other through the queue of the context, so that signals and timers get
  // their turn between them. The endpoint tells of changes only: after every round that did
  // something there is another one, until one finds nothing.
  void request_round() {
    if (round_requested_) return;
    round_requested_ = true;
    asio::post(context_, [this] {
      round_requested_ = false;
      round();
    });
  }

  void round() {
    const Result<bool> more = engine_.round();
    if (!more) {
      error_ = more.error();
      context_.stop();
      return;
    }
    if (const std::optional<action::RunEnded> ended = engine_.take_end()) on_end(*ended);
    if (*more) request_round();
  }

  void on_end(const action::RunEnded& ended) {
    switch (ended.how) {
      case action::RunEnded::How::kComplete:
        return finish({LoopEnd::Why::kComplete, ended.message});
      case action::RunEnded::How::kStopped:
        return finish({LoopEnd::Why::kInterrupted, ended.message});
      case action::RunEnded::How::kStalled:
        if (!options_.on_stalled || options_.on_stalled(ended.message)) {
          finish({LoopEnd::Why::kStalled, ended.message});
        }
    }
  }

  void finish(LoopEnd end) {
    end_ = std::move(end);
    context_.stop();
  }

  Engine& engine_;
  const LoopOptions& options_;
  asio::io_context context_{1};
  asio::posix::stream_descriptor readable_;
  asio::steady_timer timer_;
  asio::signal_set signals_;
  bool interrupted_ = false;
  bool round_requested_ = false;
  LoopEnd end_;
  std::optional<Error> error_;
};

}  // namespace

Result<LoopEnd> run_loop(Engine& engine, Endpoint& endpoint, const LoopOptions& options) {
  return Loop(engine, endpoint, options).run();
}

}  // namespace plateau
