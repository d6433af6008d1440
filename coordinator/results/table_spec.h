// How a table is laid out: by flags, or by the sweep's `report` section.
//
//   report:
//     tables:
//       - name: main                  # file name and LaTeX label
//         title: LoRA against DoRA    # caption
//         rows: [adapter, rank]       # default: all that tells cells apart and is no column
//         columns: [task]
//         metric: f1                  # default: each task's own
//         split: test
//         aggregate: t95              # sd | t95 | bootstrap95 | median
//         where: {adapter: [lora, dora]}
//         sort: -average
//         show: [params, percent, average, seeds]
//         protocols: refuse           # mark | refuse
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "coordinator/results/dimensions.h"

namespace plateau::results {

enum class Aggregate {
  kDeviation,  // mean ± standard deviation (n − 1)
  kStudent,    // mean ± half the 95 % interval, Student's t
  kBootstrap,  // mean [low, high]: 95 % percentile bootstrap over seeds
  kMedian,     // median [smallest, largest]
};

// Columns beside the values. kAverage needs several tasks.
enum class Show {
  kScaling,
  kLearningRate,
  kParams,
  kPercent,
  kTime,
  kMemory,
  kBaseMemory,
  kGpuHours,
  kSize,
  kProtocol,
  kAverage,
  kSeeds,
};

struct TableSpec {
  std::string name = "table";
  std::string title;              // empty: "Results of RUN."
  std::vector<std::string> rows;  // dimensions; empty: all that tell cells apart and are no columns
  std::vector<std::string> columns{"task"};
  std::string metric;  // empty: each task's own
  std::string split = "test";
  Aggregate aggregate = Aggregate::kDeviation;
  Filters where;
  std::string sort;  // a dimension, a column to show, "average" or a column's label; "-": down
  std::vector<Show> show;  // empty: what fits the layout
  bool refuse_mixed_protocols = false;
};

// Names as in the file and on the command line.
const std::vector<std::pair<std::string, Aggregate>>& aggregates();
const std::vector<std::pair<std::string, Show>>& shows();

// The tables of a sweep's `report` section, or one with all defaults where it names none.
// kInvalidArgument: an unknown key or word, or two tables of one name.
Result<std::vector<TableSpec>> table_specs(const nlohmann::json& report);
// Whether table_specs() can read it.
Status check_report(const nlohmann::json& report);

}  // namespace plateau::results
