#include "coordinator/results/items.h"

#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "coordinator/results/predictions.h"

namespace plateau::results {
namespace {

using Json = nlohmann::json;

std::optional<ItemScore> score_of(const Json& item) {
  if (!item.contains("id") || !item.contains("label") || !item.contains("prediction")) {
    return std::nullopt;
  }
  const Json& id = item["id"];
  const Json& label = item["label"];
  const Json& prediction = item["prediction"];
  ItemScore score;
  score.item = id.is_string() ? id.get<std::string>() : id.dump();
  const bool is_distance = label.is_number_float() || prediction.is_number_float();
  if (is_distance && label.is_number() && prediction.is_number()) {
    score.score = -std::abs(label.get<double>() - prediction.get<double>());
  } else {
    score.score = label == prediction ? 100.0 : 0.0;
  }
  return score;
}

}  // namespace

Result<ItemScores> read_item_scores(const RunView& run, const std::filesystem::path& run_folder) {
  ItemScores scores;
  const Status read = each_prediction(run, run_folder,
                                      [&](const TrialRow& trial, const Json& item) -> Result<bool> {
                                        if (trial.is_baseline) return true;
                                        const auto score = score_of(item);
                                        if (score) scores[trial.id].push_back(*score);
                                        return score.has_value();
                                      });
  if (!read) return read.error();
  if (scores.empty()) {
    return not_found("no finished trial of run '" + run.name + "' has its predictions in " +
                     run_folder.string() + ", so items cannot be paired; compare over seeds.");
  }
  return scores;
}

}  // namespace plateau::results
