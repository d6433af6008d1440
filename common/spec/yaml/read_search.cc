// How a sweep searches and when it ends: method, metric, early_terminate and budgets.
#include <algorithm>
#include <cmath>

#include "common/base/text.h"
#include "common/spec/task_kinds.h"
#include "common/spec/yaml/reader.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostIterations = 1'000'000;

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Keys of a mapping that are not known are problems.
void check_keys(ReadContext& context, const std::string& what, const YamlNode& node,
                const std::vector<std::string>& known) {
  for (const YamlNode::Entry& entry : node.entries) {
    if (!contains(known, entry.key)) {
      context.problem(entry.place, unknown_key(what, entry.key, known));
    }
  }
}

std::optional<std::int64_t> read_count(ReadContext& context, const std::string& key,
                                       const YamlNode& node) {
  if (node.scalar.is_number_integer() && node.scalar >= 1 && node.scalar <= kMostIterations) {
    return node.scalar.get<std::int64_t>();
  }
  context.problem(node.place,
                  key + " is " + node.what() + "; allowed is a whole number from 1 to 1,000,000");
  return std::nullopt;
}

// The key of `early_terminate` as a count; `otherwise` when it is absent or wrong.
std::int64_t count_at(ReadContext& context, const YamlNode& mapping, const std::string& key,
                      std::int64_t otherwise) {
  const YamlNode* node = mapping.find(key);
  if (node == nullptr) return otherwise;
  return read_count(context, "early_terminate." + key, *node).value_or(otherwise);
}

std::optional<std::int64_t> optional_count_at(ReadContext& context, const YamlNode& mapping,
                                              const std::string& key) {
  const YamlNode* node = mapping.find(key);
  if (node == nullptr) return std::nullopt;
  return read_count(context, "early_terminate." + key, *node);
}

double eta_of(ReadContext& context, const YamlNode& mapping) {
  const YamlNode* node = mapping.find("eta");
  if (node == nullptr) return 3;
  if (node->scalar.is_number() && node->scalar > 1 && node->scalar <= 1000) {
    return node->scalar.get<double>();
  }
  context.problem(node->place, "early_terminate.eta is " + node->what() +
                                   "; allowed is a number above 1, up to 1000: of each rung the "
                                   "best 1/eta go on");
  return 3;
}

bool flag_at(ReadContext& context, const YamlNode& mapping, const std::string& key) {
  const YamlNode* node = mapping.find(key);
  if (node == nullptr) return false;
  if (node->scalar.is_boolean()) return node->scalar.get<bool>();
  context.problem(node->place,
                  "early_terminate." + key + " is " + node->what() + "; allowed is true or false");
  return false;
}

void check_iterations(ReadContext& context, const YamlNode& node, std::int64_t low,
                      std::optional<std::int64_t> high) {
  if (!high || low <= *high) return;
  context.problem(node.find("max_iter")->place, "early_terminate.max_iter is " +
                                                    std::to_string(*high) + ", below min_iter, " +
                                                    std::to_string(low));
}

EarlyTerminate read_hyperband(ReadContext& context, const YamlNode& node) {
  check_keys(context, "early_terminate of type hyperband", node,
             {"type", "min_iter", "max_iter", "s", "eta", "strict", "metric", "replicates"});
  Hyperband hyperband;
  hyperband.min_iter = optional_count_at(context, node, "min_iter");
  hyperband.max_iter = optional_count_at(context, node, "max_iter");
  hyperband.brackets = count_at(context, node, "s", 1);
  hyperband.eta = eta_of(context, node);
  hyperband.strict = flag_at(context, node, "strict");
  const bool from_below = node.find("min_iter") != nullptr;
  const bool from_above = node.find("max_iter") != nullptr && node.find("s") != nullptr;
  if (!from_below && !from_above) {
    context.problem(node.place,
                    "early_terminate: hyperband needs min_iter (the first evaluation that it looks "
                    "at), or max_iter and s (brackets)");
  }
  check_iterations(context, node, hyperband.min_iter.value_or(1), hyperband.max_iter);
  return hyperband;
}

EarlyTerminate read_asha(ReadContext& context, const YamlNode& node) {
  check_keys(context, "early_terminate of type asha", node,
             {"type", "min_iter", "max_iter", "eta", "metric", "replicates"});
  Asha asha;
  asha.min_iter = count_at(context, node, "min_iter", 1);
  asha.max_iter = optional_count_at(context, node, "max_iter");
  asha.eta = eta_of(context, node);
  check_iterations(context, node, asha.min_iter, asha.max_iter);
  return asha;
}

EarlyTerminate read_median(ReadContext& context, const YamlNode& node) {
  check_keys(context, "early_terminate of type median", node,
             {"type", "min_iter", "min_trials", "metric", "replicates"});
  const MedianStopping defaults;
  return MedianStopping{count_at(context, node, "min_iter", defaults.min_iter),
                        count_at(context, node, "min_trials", defaults.min_trials)};
}

EarlyTerminate read_patience(ReadContext& context, const YamlNode& node) {
  check_keys(context, "early_terminate of type patience", node,
             {"type", "iterations", "min_delta", "metric", "replicates"});
  Patience patience;
  patience.iterations = count_at(context, node, "iterations", patience.iterations);
  if (const YamlNode* delta = node.find("min_delta")) {
    if (delta->scalar.is_number() && delta->scalar >= 0) {
      patience.min_delta = delta->scalar.get<double>();
    } else {
      context.problem(delta->place, "early_terminate.min_delta is " + delta->what() +
                                        "; allowed is a number from 0, of the metric");
    }
  }
  return patience;
}

// "1h30m", "45s", "2d" in ms; nullopt for anything else. Each unit once or more, whole numbers or
// decimals.
std::optional<DurationMs> parse_time(const std::string& text) {
  double seconds = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t unit = text.find_first_of("dhms", at);
    if (unit == std::string::npos) return std::nullopt;
    const Json number = plain_scalar(std::string(trim(text.substr(at, unit - at))));
    if (!number.is_number() || number < 0) return std::nullopt;
    const double of_unit = text[unit] == 'd'   ? 86400
                           : text[unit] == 'h' ? 3600
                           : text[unit] == 'm' ? 60
                                               : 1;
    seconds += number.get<double>() * of_unit;
    at = unit + 1;
  }
  if (seconds <= 0 || seconds > 1e9) return std::nullopt;
  return static_cast<DurationMs>(std::llround(seconds * 1000));
}

void read_max_time(ReadContext& context, const YamlNode& node) {
  const auto text = node.is_text() ? node.scalar.get<std::string>() : std::string();
  const std::optional<DurationMs> time = parse_time(text);
  if (time) {
    context.sweep.search.budgets.max_time_ms = time;
  } else {
    context.problem(node.place, "max_time is " + node.what() +
                                    "; allowed is a time with its unit, such as 8h, 90m or 1h30m");
  }
}

void read_cap(ReadContext& context, const std::string& key, const YamlNode& node) {
  if (!node.scalar.is_number_integer() || node.scalar < 1) {
    return context.problem(node.place,
                           key + " is " + node.what() + "; allowed is a whole number from 1");
  }
  const auto cap = node.scalar.get<std::int64_t>();
  std::optional<std::int64_t>& most = context.sweep.search.budgets.max_trials;
  most = std::min(cap, most.value_or(cap));
}

void read_target(ReadContext& context, const std::string& key, const YamlNode& node) {
  context.sweep.search.budget_places["target"] = node.place;
  if (!node.scalar.is_number()) {
    return context.problem(node.place, key + " is " + node.what() + "; a number is needed");
  }
  std::optional<double>& target = context.sweep.search.budgets.target;
  const auto value = node.scalar.get<double>();
  if (target && *target != value) {
    return context.problem(node.place, key + " is " + format_number(value) + " and another is " +
                                           format_number(*target) +
                                           "; metric.target and target are the same, give one");
  }
  target = value;
}

void read_goal(ReadContext& context, const YamlNode& goal) {
  const std::string text = read_text(context, "metric.goal", goal);
  if (text.empty()) return;
  const bool maximize = text == "maximize";
  if (!maximize && text != "minimize") {
    context.problem(goal.place, "metric.goal is " + goal.what() + "; allowed: maximize, minimize." +
                                    did_you_mean(text, {"maximize", "minimize"}));
  } else if (maximize != context.sweep.maximize) {
    context.problem(goal.place, "metric.goal is " + text + ", but " +
                                    (maximize ? "less " : "more ") + context.sweep.metric +
                                    " is better; leave goal out");
  }
}

}  // namespace

void read_method(ReadContext& context, const YamlNode& node) {
  static const std::vector<std::pair<std::string, SearchMethod>> methods = {
      {"grid", SearchMethod::kGrid},
      {"random", SearchMethod::kRandom},
      {"bayes", SearchMethod::kBayes},
      {"tpe", SearchMethod::kTpe},
      {"sobol", SearchMethod::kSobol}};
  const std::string name = read_text(context, "method", node);
  if (name.empty()) return;
  std::vector<std::string> known;
  for (const auto& [word, method] : methods) {
    known.push_back(word);
    if (word != name) continue;
    context.sweep.search.method = method;
    context.sweep.search.method_place = node.place;
    return;
  }
  context.problem(node.place, "unknown method '" + name + "'." + did_you_mean(name, known) +
                                  " Known: " + join(known, ", "));
}

namespace {

// 'val_acc' names the split too, and shortens the name.
std::string without_split(const std::string& metric) {
  for (const char* split : {"val_", "valid_", "validation_", "eval_", "dev_", "test_", "train_"}) {
    if (metric.starts_with(split)) return metric.substr(std::string_view(split).size());
  }
  return metric;
}

// Everything is chosen on the validation split, whatever the name says.
void note_other_split(ReadContext& context, const std::string& metric, const Place& place) {
  const std::string split = metric.substr(0, metric.find('/'));
  if (split != "test" && split != "train") return;
  context.sweep.notices.push_back(place.text() + ": the metric " + metric +
                                  " is taken on the validation split, as all that a search, a "
                                  "selection or a stop goes by");
}

}  // namespace

void read_metric(ReadContext& context, const YamlNode& node) {
  static const std::vector<std::string> names = task_metrics();
  const YamlNode* name = &node;
  if (node.kind == YamlNode::Kind::kMapping) {
    name = node.find("name");
    check_keys(context, "metric", node, {"name", "goal", "target"});
  }
  if (name == nullptr) {
    return context.problem(node.place, "metric has no name; there are " + join(names, ", "));
  }
  if (name->kind == YamlNode::Kind::kList) {
    return context.problem(name->place, "metric is a list; a sweep has one, of " +
                                            join(names, ", ") + ", and its tables show the others");
  }
  const std::string metric = read_text(context, "metric", *name);
  if (metric.empty()) return;
  // W&B's names have a path: "validation/accuracy", "eval/acc".
  const std::string plain = metric.substr(metric.rfind('/') + 1);
  if (!contains(names, plain)) {
    return context.problem(name->place, "unknown metric '" + metric + "'." +
                                            did_you_mean(without_split(plain), names) +
                                            " Known: " + join(names, ", "));
  }
  if (plain != metric) note_other_split(context, metric, name->place);
  context.sweep.metric = plain;
  context.sweep.metric_place = name->place;
  context.sweep.maximize = !lower_is_better(plain);
  if (const YamlNode* goal = node.find("goal")) read_goal(context, *goal);
  if (const YamlNode* target = node.find("target")) read_target(context, "metric.target", *target);
}

namespace {

// Every task reports its loss beside the metrics of its kind.
void read_stop_metric(ReadContext& context, const YamlNode& node) {
  std::vector<std::string> names = task_metrics();
  if (!contains(names, "loss")) names.emplace_back("loss");
  const std::string metric = read_text(context, "early_terminate.metric", node);
  if (metric.empty()) return;
  const std::string plain = metric.substr(metric.rfind('/') + 1);
  if (!contains(names, plain)) {
    return context.problem(node.place, "unknown early_terminate.metric '" + metric + "'." +
                                           did_you_mean(plain, names) +
                                           " Known: " + join(names, ", "));
  }
  context.sweep.search.stop_metric = plain;
  context.sweep.search.stop_metric_place = node.place;
}

}  // namespace

void read_early_terminate(ReadContext& context, const YamlNode& node) {
  static const std::vector<std::string> known = {"hyperband", "asha", "median", "patience"};
  if (node.is_text()) {
    return context.problem(node.place, "early_terminate is " + node.what() +
                                           "; it is a mapping with a type, such as {type: "
                                           "hyperband, min_iter: 1}; types: " +
                                           join(known, ", "));
  }
  if (!expect_mapping(context, "early_terminate", node)) return;
  const YamlNode* type = node.find("type");
  if (type == nullptr) {
    return context.problem(node.place,
                           "early_terminate has no type; allowed: " + join(known, ", "));
  }
  const std::string name = read_text(context, "early_terminate.type", *type);
  if (name.empty()) return;
  SearchSpec& search = context.sweep.search;
  search.early_terminate_place = node.place;
  if (name == "hyperband") {
    search.early_terminate = read_hyperband(context, node);
  } else if (name == "asha") {
    search.early_terminate = read_asha(context, node);
  } else if (name == "median") {
    search.early_terminate = read_median(context, node);
  } else if (name == "patience") {
    search.early_terminate = read_patience(context, node);
  } else {
    return context.problem(type->place, "unknown early_terminate.type '" + name + "'." +
                                            did_you_mean(name, known) +
                                            " Known: " + join(known, ", "));
  }
  search.stops_replicates = flag_at(context, node, "replicates");
  if (const YamlNode* metric = node.find("metric")) read_stop_metric(context, *metric);
}

const std::vector<std::string>& budget_keys() {
  // The first four are caps.
  static const std::vector<std::string> keys = {"run_cap",       "max_trials", "max_time",
                                                "max_gpu_hours", "target",     "search_seed"};
  return keys;
}

void read_budget(ReadContext& context, const std::string& key, const YamlNode& node) {
  SearchSpec& search = context.sweep.search;
  search.budget_places[key] = node.place;
  if (key == "max_time") return read_max_time(context, node);
  if (key == "target") return read_target(context, key, node);
  if (key == "max_gpu_hours") {
    if (node.scalar.is_number() && node.scalar > 0) {
      search.budgets.max_gpu_hours = node.scalar.get<double>();
    } else {
      context.problem(node.place, "max_gpu_hours is " + node.what() +
                                      "; allowed is a number of hours above 0, such as 4");
    }
  } else if (key == "search_seed") {
    if (node.scalar.is_number_integer() && node.scalar >= 0) {
      search.seed = node.scalar.get<std::uint64_t>();
    } else {
      context.problem(node.place,
                      "search_seed is " + node.what() + "; allowed is a whole number from 0");
    }
  } else {
    read_cap(context, key, node);
  }
}

namespace {

void check_something_to_search(ReadContext& context) {
  const std::vector<SweepParameter>& parameters = context.sweep.parameters;
  const bool any = std::any_of(parameters.begin(), parameters.end(), [&](const auto& parameter) {
    return parameter.name != "seed" && (parameter.distribution || parameter.values.size() > 1);
  });
  if (any || !context.incomplete.empty() || !context.parameters_are_known) return;
  context.value_problem(context.sweep.search.method_place,
                        "there is nothing to search over: every parameter has one value. Give one "
                        "of them `values` or a distribution, or take the method grid");
}

}  // namespace

void check_search(ReadContext& context, const YamlNode& root) {
  const SearchSpec& search = context.sweep.search;
  if (search.method == SearchMethod::kGrid) return;
  const bool tried = std::any_of(budget_keys().begin(), budget_keys().begin() + 4,
                                 [&](const std::string& key) { return root.find(key) != nullptr; });
  check_something_to_search(context);
  if (tried) return;  // A wrong cap is a problem of its own.
  context.problem(search.method_place,
                  "the method " + root.find("method")->scalar.get<std::string>() +
                      " has no end of its own; give max_trials (or run_cap), max_time or "
                      "max_gpu_hours");
}

}  // namespace plateau
