// The plateau test over a run: one answer for each base, task and adapter.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "coordinator/results/statistics/hockey_stick.h"
#include "coordinator/results/statistics/plateau.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"

namespace plateau::results {

struct PlateauOptions {
  double margin = 0.0;  // in the unit that tables print: points of accuracy, say. > 0.
  double alpha = 0.05;
  double power = 0.8;
  // Method that the ranks are held against ("full"), with the same base, task and seeds; empty: the
  // largest rank of the curve itself.
  std::string reference = {};
  bool keep_collapsed = false;
};

struct PlateauFinding {
  std::string base;
  std::string task;
  std::string adapter;  // with the settings that tell several curves of it apart
  std::string unit;     // of the margin: "%", "×100", "" for the metric's own
  std::string metric;
  std::string reference;              // "largest rank (64)", or the method's title
  std::vector<std::string> left_out;  // collapsed runs: "r=4 seed 1 (33.0 is below chance (57.0))"
  statistics::PlateauResult result;
  std::optional<statistics::PlateauPower> power;
  std::optional<statistics::HockeyStick> shape;  // absent for few ranks, or with seeds missing
};

// One finding for each curve of at least two ranks. Collapsed runs (collapse.h) are left out and
// named; a rank that has no others has collapsed. kInvalidArgument: no cell of the reference's
// method shares a base and task with a curve.
Result<std::vector<PlateauFinding>> find_plateaus(const Summary& summary,
                                                  const PlateauOptions& options);

// For the writers of table.h.
Table plateau_table(const Summary& summary, const std::vector<PlateauFinding>& findings,
                    const PlateauOptions& options);
// {"format": "plateau-answers/1", "margin", "alpha", "findings": [...]}
std::string plateau_json(const std::vector<PlateauFinding>& findings,
                         const PlateauOptions& options);

}  // namespace plateau::results
