// The test predictions of a run, item by item.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "coordinator/store/results_view.h"

namespace plateau::results {

struct ItemScore {
  std::string item;    // the id in the data, the same in every trial of a task
  double score = 0.0;  // more is better: see comparison.h
};
using ItemScores = std::map<TrialId, std::vector<ItemScore>>;

// Reads trials/*/predictions.jsonl of finished trials that are no baselines (blocks). kNotFound: no
// trial kept its predictions; kCorrupt names file and line.
Result<ItemScores> read_item_scores(const RunView& run, const std::filesystem::path& run_folder);

}  // namespace plateau::results
