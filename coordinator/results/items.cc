#include "coordinator/results/items.h"

#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/text.h"

namespace plateau::results {
namespace {

using Json = nlohmann::json;

std::optional<ItemScore> score_of(const Json& item) {
  if (!item.is_object() || !item.contains("id") || !item.contains("label") ||
      !item.contains("prediction")) {
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
  for (const TrialRow& trial : run.trials) {
    if (trial.state != TrialState::kFinished || trial.is_baseline) continue;
    const std::filesystem::path path = run_folder / trial.folder / "predictions.jsonl";
    const auto text = read_file(path);
    if (!text && text.error().kind == ErrorKind::kNotFound) continue;
    if (!text) return text.error();
    std::size_t number = 0;
    for (const std::string& line : split(*text, '\n')) {
      ++number;
      if (line.empty()) continue;
      const auto score = score_of(Json::parse(line, nullptr, /*allow_exceptions=*/false));
      if (!score) {
        return corrupt(path.string() + ":" + std::to_string(number) +
                       " is no prediction with id, label and prediction. It was damaged after it "
                       "was verified; restore the run folder from a copy.");
      }
      scores[trial.id].push_back(*score);
    }
  }
  if (scores.empty()) {
    return not_found("no finished trial of run '" + run.name + "' has its predictions in " +
                     run_folder.string() + ", so items cannot be paired; compare over seeds.");
  }
  return scores;
}

}  // namespace plateau::results
