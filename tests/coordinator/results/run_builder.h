// RunViews made by hand, in the shape that a finished quickstart leaves behind.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "coordinator/store/results_view.h"

namespace plateau::results {

// One cell of a run: values of its seeds 0, 1, ... in the order given.
struct CellOf {
  std::string method = "lora";
  std::int64_t rank = 4;  // 0: a baseline, without a rank
  std::vector<double> test;
  std::string task = "tweets";
  double learning_rate = 0.003;
  std::int64_t adapter_parameters = 1000;
};

// The row's trial, changed by hand: RunBuilder::refresh_keys() afterwards where it tells cells
// apart.
void change(TrialRow& row, const std::function<void(Trial&)>& how);

class RunBuilder {
 public:
  RunBuilder();
  // Appends the trials of the cell, all finished, and returns the place of the first.
  std::size_t add(const CellOf& cell);
  TrialRow& row(std::size_t index) { return run.trials.at(index); }
  // Ends a trial another way: no metrics, no counts.
  void end(std::size_t index, TrialState state, const std::string& reason = "");
  // Cell and trial keys again, after a test changed trials by hand.
  void refresh_keys();

  RunView run;
};

// Three adapters at ranks 1, 4, 16 with two seeds, majority and probe.
RunView quickstart_run();

}  // namespace plateau::results
