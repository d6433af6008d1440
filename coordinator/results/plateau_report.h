// The plateau test over a run: one answer for each base, task and adapter.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/statistics/hockey_stick.h"
#include "coordinator/results/statistics/plateau.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"

namespace plateau::results {

struct PlateauOptions {
  double margin = 0.0;  // in the unit that tables print: points of accuracy, say. > 0.
  double alpha = 0.05;
  double power = 0.8;
};

struct PlateauFinding {
  std::string base;
  std::string task;
  std::string adapter;  // with the settings that tell several curves of it apart
  std::string unit;     // of the margin: "%", "×100", "" for the metric's own
  statistics::PlateauResult result;
  std::optional<statistics::PlateauPower> power;
  std::optional<statistics::HockeyStick> shape;  // absent for few ranks, or with seeds missing
};

// One finding for each curve of at least two ranks. The reference is the largest rank. Chance is
// the majority class's value for shares and 0 for correlations; a cell below it has collapsed.
std::vector<PlateauFinding> find_plateaus(const Summary& summary, const PlateauOptions& options);

// For the writers of table.h.
Table plateau_table(const Summary& summary, const std::vector<PlateauFinding>& findings,
                    const PlateauOptions& options);
// {"format": "plateau-answers/1", "margin", "alpha", "findings": [...]}
std::string plateau_json(const std::vector<PlateauFinding>& findings,
                         const PlateauOptions& options);

}  // namespace plateau::results
