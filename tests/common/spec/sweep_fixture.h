// A small world for sweeps: one base, two tasks, and short ways to read and expand YAML.
#pragma once

#include <string>
#include <vector>

#include "common/spec/sweep.h"
#include "common/spec/yaml/read_sweep.h"

namespace plateau::testing {

inline Sources sources() {
  Sources sources;
  BaseSource base;
  base.spec = {"minilm", "", "minilm", std::string(64, 'b'), "mean"};
  base.facts = {"bert", 6, 384, 1536, 12, 30522, 512, 2};
  sources.bases["minilm"] = base;
  for (const char* name : {"tweets", "news"}) {
    TaskSource task;
    task.spec.name = task.spec.source = name;
    task.spec.sha256 = std::string(64, name[0]);
    task.spec.reader = "jsonl";
    task.spec.labels = {"a", "b", "c"};
    task.spec.max_length = 64;
    sources.tasks[name] = task;
  }
  return sources;
}

inline Result<Sweep> read(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return read_sweep({text, "s.yaml", "/folder", overrides, "/cwd"});
}

// The message of whatever fails first: reading, then expanding; empty when nothing does.
inline std::string mistakes(const std::string& text,
                            const std::vector<std::string>& overrides = {}) {
  Result<Sweep> sweep = read(text, overrides);
  if (!sweep) return sweep.error().message;
  Result<SweepPlan> plan = expand(*sweep, sources());
  return plan ? "" : plan.error().message;
}

// Aborts the test program when the sweep has mistakes: for sweeps that are right.
inline SweepPlan plan(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return expand(read(text, overrides).value(), sources()).value();
}

// "lora-r4-lr0.001-s0" of each trial, without the task's name when there is one task.
inline std::vector<std::string> labels(const SweepPlan& plan) {
  std::vector<std::string> labels;
  for (const PlannedTrial& trial : plan.trials)
    labels.push_back(trial_label(trial.trial()));
  return labels;
}

// One value of each trial, by its place in the resolved JSON.
inline std::vector<nlohmann::json> column(const SweepPlan& plan, const std::string& pointer) {
  std::vector<nlohmann::json> values;
  for (const PlannedTrial& trial : plan.trials) {
    const nlohmann::json json = to_json(trial.trial());
    const nlohmann::json::json_pointer at(pointer);
    values.push_back(json.contains(at) ? json.at(at) : nlohmann::json());
  }
  return values;
}

inline const char* const kHead = "parameters:\n  base: minilm\n  task: tweets\n";

}  // namespace plateau::testing
