#include "worker/runner/runner.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include <sys/epoll.h>

#include "common/base/check.h"

namespace plateau::runner {
namespace {

// A descriptor that is watched already is modified; the kernel forgets closed ones by itself.
void watch(int epoll, int fd, std::uint32_t events) {
  if (fd < 0) return;
  epoll_event event{};
  event.events = events;
  if (::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0 || errno != ENOENT) return;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

void forget(int epoll, int fd) {
  if (fd >= 0) ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
}

class ProcessRunner : public Runner {
 public:
  ProcessRunner(RunnerOptions options, Fd epoll, std::vector<SlotSetup> slots);

  void start_trial(SlotIndex slot, TrialStart start, TimeMs now) override {
    at(slot).start_trial(std::move(start), now);
  }
  void cancel(SlotIndex slot, const AttemptRef& attempt) override { at(slot).cancel(attempt); }
  void stop(SlotIndex slot, DurationMs grace_ms, TimeMs now) override {
    at(slot).stop(grace_ms, now);
  }
  std::vector<TrialEvent> poll(TimeMs now) override;
  int poll_fd() const override { return epoll_.get(); }
  TimeMs next_wakeup(TimeMs now) const override;

 private:
  TrainerSlot& at(SlotIndex slot) { return *slots_.at(static_cast<std::size_t>(slot.value)); }
  void watch_descriptors();

  RunnerOptions options_;
  Fd epoll_;
  std::vector<std::unique_ptr<TrainerSlot>> slots_;
};

ProcessRunner::ProcessRunner(RunnerOptions options, Fd epoll, std::vector<SlotSetup> slots)
    : options_(std::move(options)), epoll_(std::move(epoll)) {
  for (SlotSetup& slot : slots) {
    PLATEAU_CHECK(slot.index.value == static_cast<std::int64_t>(slots_.size()),
                  "slots are numbered 0, 1, ...");
    slots_.push_back(std::make_unique<TrainerSlot>(options_, std::move(slot)));
  }
}

std::vector<TrialEvent> ProcessRunner::poll(TimeMs now) {
  std::vector<TrialEvent> events;
  for (const auto& slot : slots_)
    slot->poll(now, events);
  watch_descriptors();
  return events;
}

// Edge-free and simple: which descriptors matter is said anew after each poll; there are three a
// trainer. Writing is waited for only while something is unwritten.
void ProcessRunner::watch_descriptors() {
  for (const auto& slot : slots_) {
    const Process* process = slot->process();
    if (process == nullptr) continue;
    watch(epoll_.get(), process->output_fd(), EPOLLIN);
    watch(epoll_.get(), process->exit_fd(), EPOLLIN);
    if (process->wants_to_write()) {
      watch(epoll_.get(), process->input_fd(), EPOLLOUT);
    } else {
      forget(epoll_.get(), process->input_fd());
    }
  }
}

TimeMs ProcessRunner::next_wakeup(TimeMs now) const {
  TimeMs next = std::numeric_limits<TimeMs>::max();
  for (const auto& slot : slots_)
    next = std::min(next, slot->next_wakeup(now));
  return next;
}

}  // namespace

Result<std::unique_ptr<Runner>> Runner::make(RunnerOptions options, std::vector<SlotSetup> slots) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return io_error(std::string("epoll_create1 failed: ") + std::strerror(errno));
  return std::unique_ptr<Runner>(
      std::make_unique<ProcessRunner>(std::move(options), Fd(epoll), std::move(slots)));
}

}  // namespace plateau::runner
