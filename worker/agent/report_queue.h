// Reports on their way to the coordinator: waiting, then numbered and under way, then forgotten.
//
// Pure. What waits is thinned when it grows (metrics only, by rule); what has a number is never
// dropped, since a gap would stop the coordinator's acknowledgements for good.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "worker/agent/agent_actions.h"

namespace plateau::agent {

class ReportQueue {
 public:
  // first_sequence: of the next report that gets a number.
  explicit ReportQueue(std::uint64_t first_sequence) : next_sequence_(first_sequence) {}

  // Takes up what an earlier process of the same session kept; in order, before anything else.
  void restore(Report report);

  // Not progress, which has no number.
  void add(const AttemptRef& attempt, ReportBody body);
  // Waiting metrics and checkpoints of an attempt that was taken away say nothing any more.
  void drop_waiting(const AttemptRef& attempt);

  // Numbers what waits, as far as the window allows, and hands it out to be kept and sent.
  std::vector<Report> take_new();
  const std::deque<Report>& under_way() const { return under_way_; }

  // Forgets the reports up to `sequence` and returns the attempts that ended with one of them.
  // A sequence that was not given out here was given out by an earlier process of this session,
  // whose last writes its node lost: the next one comes after it.
  std::vector<AttemptRef> acknowledge(std::uint64_t sequence);

  // The lowest sequence that is held, or will be given out next.
  std::uint64_t first_sequence() const;
  bool empty() const { return waiting_.empty() && under_way_.empty(); }
  std::size_t dropped_metrics() const { return dropped_metrics_; }

 private:
  struct Waiting {
    AttemptRef attempt;
    ReportBody body;
  };
  void thin();

  std::deque<Waiting> waiting_;
  std::deque<Report> under_way_;
  std::uint64_t next_sequence_;
  std::size_t waiting_metrics_ = 0;
  std::size_t dropped_metrics_ = 0;
};

}  // namespace plateau::agent
