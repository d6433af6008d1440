#include "common/spec/task_kinds.h"

#include <algorithm>

namespace plateau {
namespace {

struct Kind {
  const char* name;
  std::vector<std::string> metrics;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds = {{"classification", {"accuracy", "f1", "matthews"}},
                                           {"regression", {"pearson", "spearman"}},
                                           {kCausalLm, {"perplexity", "loss"}}};
  return kKinds;
}

}  // namespace

const std::vector<std::string>& task_kinds() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const Kind& kind : kinds())
      names.emplace_back(kind.name);
    return names;
  }();
  return kNames;
}

std::vector<std::string> metrics_of_kind(std::string_view name) {
  for (const Kind& kind : kinds()) {
    if (kind.name == name) return kind.metrics;
  }
  return {};
}

std::vector<std::string> measured_of_kind(std::string_view kind) {
  std::vector<std::string> names = metrics_of_kind(kind);
  if (std::find(names.begin(), names.end(), "loss") == names.end()) names.emplace_back("loss");
  return names;
}

std::vector<std::string> task_metrics() {
  std::vector<std::string> all;
  for (const Kind& kind : kinds())
    all.insert(all.end(), kind.metrics.begin(), kind.metrics.end());
  return all;
}

bool lower_is_better(std::string_view metric) {
  const auto ends_with = [&](std::string_view end) {
    return metric.size() >= end.size() && metric.substr(metric.size() - end.size()) == end;
  };
  return ends_with("loss") || ends_with("error") || ends_with("perplexity");
}

}  // namespace plateau
