// Trials and temporary folders for the store's tests.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "common/spec/methods.h"
#include "coordinator/store/store.h"

namespace plateau {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "plateau-store-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline NewTrial new_trial(std::int64_t rank, std::uint64_t seed) {
  NewTrial each;
  each.trial.base = {"minilm", "/models/minilm", "minilm-l6", std::string(64, 'a'), "mean"};
  each.trial.task.name = "tweets";
  each.trial.task.source = "tweets";
  each.trial.task.sha256 = std::string(64, 'b');
  each.trial.task.reader = "jsonl";
  each.trial.task.labels = {"no", "yes"};
  each.trial.adapter.method = "lora";
  const auto parameters = resolve_method_parameters(*find_method("lora"), {{"rank", rank}});
  each.trial.adapter.parameters = parameters.value();
  each.trial.seed = seed;
  each.expected_ms = rank * 1000;
  return each;
}

inline AttemptRef ref(std::int64_t trial, std::int64_t attempt) {
  return {TrialId{trial}, AttemptNumber{attempt}};
}

inline record::AttemptAssigned assigned(std::int64_t trial, std::int64_t attempt) {
  record::AttemptAssigned record;
  record.attempt = ref(trial, attempt);
  record.session = SessionId{77};
  record.node = "node-a";
  record.slot = SlotIndex{1};
  record.waited_ms = 500;
  return record;
}

inline record::TrialChanged changed(std::int64_t trial, TrialStatus status, std::string reason = "",
                                    RetryPolicy retry = {}) {
  return {TrialId{trial}, status, std::move(reason), std::move(retry)};
}

inline const char* const kResultJson =
    R"({"metrics": [{"split": "test", "name": "accuracy", "value": 0.875},
                    {"split": "validation", "name": "accuracy", "value": 0.9}],
        "parameters": {"adapter": 1000, "head": 30, "base": 500000}, "steps": 100,
        "train_tokens": 12345, "train_seconds": 1.5, "peak_memory_bytes": 1048576,
        "adapter_bytes": 4096, "base_bytes": 2000000, "device_name": "a CPU", "torch": "2.11.0", "notes": ["3 rows were dropped"]})";

// Assigned, started, a metric, finished: what a scheduler commits for one trial.
inline std::vector<Record> a_finished_trial(std::int64_t trial, std::int64_t attempt = 1) {
  return {assigned(trial, attempt),
          changed(trial, TrialStatus::kAssigned),
          changed(trial, TrialStatus::kRunning),
          record::AttemptStarted{ref(trial, attempt), 0, 100},
          record::Metric{ref(trial, attempt), {50, "validation", "accuracy", 0.7}},
          record::Result{ref(trial, attempt), kResultJson, {{"metrics.jsonl", 10, "abc"}}},
          record::AttemptEnded{ref(trial, attempt), AttemptEnd::kFinished, false, ""},
          changed(trial, TrialStatus::kFinished),
          record::Session{SessionId{77}, "node-a", "host-a", 42, 3}};
}

}  // namespace plateau
