#include "worker/agent/report_queue.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "worker/agent/agent_state.h"

namespace plateau::agent {

bool ends_attempt(const ReportBody& body) {
  return std::holds_alternative<FinishedReport>(body) ||
         std::holds_alternative<FailedReport>(body) ||
         std::holds_alternative<HandedBackReport>(body);
}

void ReportQueue::restore(Report report) {
  PLATEAU_CHECK(waiting_.empty(), "kept reports are restored before new ones come");
  PLATEAU_CHECK(report.sequence >= next_sequence_, "kept reports are restored in order");
  next_sequence_ = report.sequence + 1;
  under_way_.push_back(std::move(report));
}

void ReportQueue::add(const AttemptRef& attempt, ReportBody body) {
  PLATEAU_CHECK(!std::holds_alternative<ProgressReport>(body), "progress is not queued");
  if (std::holds_alternative<MetricReport>(body)) ++waiting_metrics_;
  waiting_.push_back({attempt, std::move(body)});
  if (waiting_metrics_ > kMaxWaitingMetrics) thin();
}

void ReportQueue::drop_waiting(const AttemptRef& attempt) {
  const auto useless = [&](const Waiting& waiting) {
    if (waiting.attempt != attempt) return false;
    if (std::holds_alternative<MetricReport>(waiting.body)) {
      --waiting_metrics_;
      return true;
    }
    return std::holds_alternative<CheckpointedReport>(waiting.body);
  };
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), useless), waiting_.end());
}

// The rule: of the training curve every second point, which halves its resolution evenly; only when
// that is not enough, every second one of the other splits.
void ReportQueue::thin() {
  for (const bool train_only : {true, false}) {
    bool odd = false;
    const auto drop = [&](const Waiting& waiting) {
      const auto* metric = std::get_if<MetricReport>(&waiting.body);
      if (metric == nullptr || (train_only && metric->split != "train")) return false;
      odd = !odd;
      if (odd) return false;
      --waiting_metrics_;
      ++dropped_metrics_;
      return true;
    };
    // A stateful predicate needs one pass in order, which std::remove_if does not promise.
    std::deque<Waiting> kept;
    for (Waiting& waiting : waiting_) {
      if (!drop(waiting)) kept.push_back(std::move(waiting));
    }
    waiting_ = std::move(kept);
    if (waiting_metrics_ <= kMaxWaitingMetrics) return;
  }
}

std::vector<Report> ReportQueue::take_new() {
  std::vector<Report> taken;
  while (!waiting_.empty() && under_way_.size() < kReportWindow) {
    Waiting& next = waiting_.front();
    if (std::holds_alternative<MetricReport>(next.body)) --waiting_metrics_;
    under_way_.push_back({next_sequence_++, next.attempt, std::move(next.body)});
    waiting_.pop_front();
    taken.push_back(under_way_.back());
  }
  return taken;
}

std::vector<AttemptRef> ReportQueue::acknowledge(std::uint64_t sequence) {
  std::vector<AttemptRef> ended;
  while (!under_way_.empty() && under_way_.front().sequence <= sequence) {
    if (ends_attempt(under_way_.front().body)) ended.push_back(under_way_.front().attempt);
    under_way_.pop_front();
  }
  next_sequence_ = std::max(next_sequence_, sequence + 1);
  return ended;
}

std::uint64_t ReportQueue::first_sequence() const {
  return under_way_.empty() ? next_sequence_ : under_way_.front().sequence;
}

}  // namespace plateau::agent
