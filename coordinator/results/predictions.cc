#include "coordinator/results/predictions.h"

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/text.h"

namespace plateau::results {
namespace {

Status each_line(const TrialRow& trial, const std::filesystem::path& path, const std::string& text,
                 const TakePrediction& take) {
  std::size_t number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    const auto item = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    const Result<bool> taken = item.is_object() ? take(trial, item) : false;
    if (!taken) return taken.error();
    if (!*taken) {
      return corrupt(path.string() + ":" + std::to_string(number) +
                     " is no prediction: an object with id, label and prediction. The file was "
                     "damaged after it was verified; restore the run folder from a copy.");
    }
  }
  return {};
}

}  // namespace

Status each_prediction(const RunView& run, const std::filesystem::path& run_folder,
                       const TakePrediction& take) {
  for (const TrialRow& trial : run.trials) {
    if (trial.state != TrialState::kFinished) continue;
    const std::filesystem::path path = run_folder / trial.folder / "predictions.jsonl";
    const auto text = read_file(path);
    if (!text && text.error().kind == ErrorKind::kNotFound) continue;
    if (!text) return text.error();
    if (Status status = each_line(trial, path, *text, take); !status) return status;
  }
  return {};
}

}  // namespace plateau::results
