// Metric against trainable parameters: who is on the front, and how many times fewer parameters one
// adapter needs than another for the same metric.
#pragma once

#include <string>
#include <vector>

#include "coordinator/results/statistics/parameter_ratio.h"
#include "coordinator/results/summary.h"
#include "coordinator/results/table.h"

namespace plateau::results {

// The needier adapter second, so that the ratio is at least one.
struct EfficiencyRatio {
  std::string base;
  std::string task;
  std::string first;
  std::string second;
  MetricStyle metric;
  std::size_t seeds = 0;             // that every size of both has
  statistics::ParameterRatio ratio;  // its level in printed units
};

// Every two adapters of a base and task, over the sizes that are complete and without collapsed
// runs, and the seeds that all of these have.
std::vector<EfficiencyRatio> parameter_ratios(const Summary& summary);

// Two tables: every size with its metric and whether it is on the Pareto front (no other has a
// better or equal mean with fewer parameters); and the ratios, with what became of LoReFT's claim.
std::vector<Table> efficiency_tables(const Summary& summary);
// {"format": "plateau-efficiency/1", "points": [...], "ratios": [...]}
std::string efficiency_json(const Summary& summary);

}  // namespace plateau::results
