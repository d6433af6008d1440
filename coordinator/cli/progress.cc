#include "coordinator/cli/progress.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace plateau::cli {
namespace {

constexpr DurationMs kRedrawMs = 200;
constexpr DurationMs kPlainMs = 10'000;
// A guess from less work than this is worse than none.
constexpr double kWorkForEstimate = 0.02;

std::string cut(const std::string& text, int columns) {
  const auto width = static_cast<std::size_t>(std::max(columns, 20));
  return text.size() <= width ? text : text.substr(0, width - 3) + "...";
}

std::string rounded(double value) {
  return std::to_string(static_cast<std::int64_t>(value + 0.5));
}

int terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) return size.ws_col - 1;
  return 79;
}

double share_done(const phase::Running& running) {
  if (running.steps_total <= 0) return 0.0;
  return std::min(1.0,
                  static_cast<double>(running.step) / static_cast<double>(running.steps_total));
}

}  // namespace

double ProgressMeter::work_done(const Scheduler& scheduler) {
  double done = static_cast<double>(scheduler.counts().ended());
  // Only slots hold running trials, so this does not grow with the sweep.
  for (const auto& [session, worker] : scheduler.state().workers) {
    for (const auto& [index, slot] : worker.slots) {
      for (const TrialId trial : slot.trials) {
        const TrialEntry* entry = scheduler.find(trial);
        if (entry == nullptr) continue;
        if (const auto* running = std::get_if<phase::Running>(&entry->phase)) {
          done += share_done(*running);
        }
      }
    }
  }
  return done;
}

std::optional<DurationMs> ProgressMeter::time_left(const Scheduler& scheduler, TimeMs now_ms) {
  const double done = work_done(scheduler);
  if (!work_began_ms_) {
    if (scheduler.counts().running == 0) return std::nullopt;
    work_began_ms_ = now_ms;
    work_before_ = done;
  }
  const double since = done - work_before_;
  const double left = static_cast<double>(scheduler.counts().total()) - done;
  if (left <= 0.0 || since < kWorkForEstimate) return std::nullopt;
  return static_cast<DurationMs>(static_cast<double>(now_ms - *work_began_ms_) * left / since);
}

std::string ProgressMeter::sweep_line(const Scheduler& scheduler, TimeMs now_ms) {
  const Counts& counts = scheduler.counts();
  std::string line = std::to_string(counts.finished + counts.diverged + counts.stopped) + "/" +
                     std::to_string(counts.total()) + " done, " +
                     std::to_string(counts.running + counts.assigned) + " running, " +
                     std::to_string(counts.failed) + " failed";
  if (counts.diverged > 0) line += ", " + std::to_string(counts.diverged) + " diverged";
  const std::optional<DurationMs> left = time_left(scheduler, now_ms);
  if (left) {
    line += ", about " + format_duration(*left) + " left";
  } else if (scheduler.state().workers.empty() && counts.ended() < counts.total()) {
    line += ", waiting for a worker";
  }
  return line;
}

std::vector<std::string> ProgressMeter::lines(const Scheduler& scheduler, TimeMs now_ms,
                                              int columns) {
  std::vector<std::string> lines;
  for (const auto& [session, worker] : scheduler.state().workers) {
    for (const auto& [index, slot] : worker.slots) {
      std::string line = worker.name + " " + slot.facts.device + ": ";
      double tokens_per_s = 0.0;
      std::size_t shown = 0;
      for (const TrialId trial : slot.trials) {
        const TrialEntry* entry = scheduler.find(trial);
        const auto* running =
            entry == nullptr ? nullptr : std::get_if<phase::Running>(&entry->phase);
        if (running != nullptr) tokens_per_s += running->tokens_per_s;
        if (++shown > 2) continue;
        if (shown == 2) line += ", ";
        line += label_of_(trial);
        if (running != nullptr && running->steps_total > 0) {
          line += " " + std::to_string(running->step) + "/" + std::to_string(running->steps_total);
        } else {
          line += " starting";
        }
      }
      if (shown > 2) line += " and " + std::to_string(shown - 2) + " more";
      if (shown == 0) line += "idle";
      if (tokens_per_s > 0.0) line += ", " + rounded(tokens_per_s) + " tokens/s";
      lines.push_back(cut(line, columns));
    }
  }
  lines.push_back(cut(sweep_line(scheduler, now_ms), columns));
  return lines;
}

ProgressPrinter::ProgressPrinter(ProgressMeter meter, bool plain) : meter_(std::move(meter)) {
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  in_place_ = !plain && !dumb && isatty(STDERR_FILENO) == 1;
}

void ProgressPrinter::erase() {
  // Up to the first of our lines, and clear from there to the end of the screen.
  if (drawn_ > 0) std::fprintf(stderr, "\x1b[%zuA\r\x1b[J", drawn_);
  drawn_ = 0;
}

void ProgressPrinter::draw(const std::vector<std::string>& lines) {
  for (const std::string& line : lines)
    std::fprintf(stderr, "%s\n", line.c_str());
  drawn_ = lines.size();
  std::fflush(stderr);
}

void ProgressPrinter::show(const Scheduler& scheduler, TimeMs now_ms) {
  const DurationMs interval_ms = in_place_ ? kRedrawMs : kPlainMs;
  if (scheduler.counts().total() == 0) return;  // The store was not read yet.
  if (shown_ms_ && now_ms - *shown_ms_ < interval_ms) return;
  shown_ms_ = now_ms;
  if (in_place_) {
    const std::vector<std::string> lines = meter_.lines(scheduler, now_ms, terminal_columns());
    erase();
    draw(lines);
    return;
  }
  const std::string line = meter_.sweep_line(scheduler, now_ms);
  if (line == last_line_) return;
  last_line_ = line;
  std::fprintf(stderr, "%s\n", line.c_str());
}

void ProgressPrinter::say(const std::string& message) {
  erase();
  std::fprintf(stderr, "%s\n", message.c_str());
  shown_ms_.reset();
}

void ProgressPrinter::finish(const Scheduler& scheduler, TimeMs now_ms) {
  erase();
  const std::string line = meter_.sweep_line(scheduler, now_ms);
  if (in_place_ || line != last_line_) std::fprintf(stderr, "%s\n", line.c_str());
  drawn_ = 0;
}

}  // namespace plateau::cli
