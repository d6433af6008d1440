#include "coordinator/cli/resolved.h"

#include <set>

#include <gtest/gtest.h>

#include "common/spec/fields.h"
#include "tests/coordinator/cli/plan/load.h"

namespace plateau::cli {
namespace {

using Json = nlohmann::json;

// "" when there is no value of the name.
std::string origin(const std::vector<ResolvedValue>& values, const std::string& name) {
  for (const ResolvedValue& value : values) {
    if (value.name == name) return value.origin;
  }
  return "";
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::size_t leaves(const Json& json) {
  if (!json.is_object()) return 1;
  std::size_t count = 0;
  for (const auto& [key, value] : json.items())
    count += leaves(value);
  return count;
}

TEST(Resolved, every_value_of_every_method_has_an_origin) {
  for (const MethodSchema& method : method_schemas()) {
    if (method.is_baseline) continue;
    std::string required = method.name == "qlora" ? ", quantization: nf4" : "";
    for (const char* name : {"rank", "trained_layers", "tokens"}) {
      for (const ParameterSchema& parameter : method.parameters) {
        if (parameter.name == name) required += ", " + parameter.name + ": 2";
      }
    }
    const LoadedSweep loaded =
        load("parameters: {base: minilm-l6, task: tweets-sentiment, adapter: " + method.name +
             required + "}\nbaselines: [majority, probe]\n");
    for (std::size_t i = 0; i < loaded.plan.trials.size(); ++i) {
      const std::vector<ResolvedValue> values = resolved_values(loaded, i);
      std::set<std::string> names;
      for (const ResolvedValue& value : values) {
        EXPECT_FALSE(value.origin.empty()) << method.name << ": " << value.name;
        EXPECT_TRUE(names.insert(value.name).second) << value.name << " stands there twice";
      }
      // Nothing of the trial is left out but its format; columns and mappings are one value.
      const Trial trial = loaded.plan.trials[i].trial();
      Json json = to_json(trial);
      json.erase("format");
      json["task"]["columns"] = 0;
      for (auto& [key, value] : json["adapter"]["parameters"].items())
        value = 0;
      EXPECT_EQ(values.size(), leaves(json)) << method.name;
      for (const TrialField& field : trial_fields())
        EXPECT_EQ(names.count(field.schema.name), 1u) << field.schema.name;
      const MethodSchema& own = *find_method(trial.adapter.method);
      for (const auto& [name, value] : trial.adapter.parameters.items())
        EXPECT_EQ(names.count(name), 1u) << own.name << ": " << name;
    }
  }
}

const char* const kSweep = R"(
method: random
run_cap: 7
max_time: 2h
metric: {name: accuracy, target: 0.9}
fragments: {short: {epochs: 1}}
parameters:
  base: minilm-l6
  task: tweets-sentiment
  adapter: lora
  rank: 4
  alpha: 2 * rank
  dropout: [0, 0.1]
  extends: short
baselines: probe
)";

TEST(Resolved, origins_name_file_fragment_override_expression_and_defaults) {
  std::string yaml = kSweep;
  yaml.erase(0, yaml.find("fragments"));
  const std::vector<ResolvedValue> values = resolved_values(load(yaml, {"learning_rate=1e-4"}), 0);
  EXPECT_TRUE(ends_with(origin(values, "base"), "s.yaml:3:9")) << origin(values, "base");
  EXPECT_TRUE(ends_with(origin(values, "rank"), "s.yaml:6:9")) << origin(values, "rank");
  EXPECT_TRUE(ends_with(origin(values, "alpha"), "s.yaml:7:3, computed"))
      << origin(values, "alpha");
  EXPECT_TRUE(ends_with(origin(values, "epochs"), ", fragment short")) << origin(values, "epochs");
  EXPECT_EQ(origin(values, "learning_rate"), "override learning_rate=1e-4");
  EXPECT_EQ(origin(values, "epsilon"), "default");
  EXPECT_EQ(origin(values, "max_length"), "the task's default");
  EXPECT_EQ(origin(values, "task.labels"), "catalogue entry tweets-sentiment");
  EXPECT_EQ(origin(values, "base.sha256"), "catalogue entry minilm-l6");
}

TEST(Resolved, a_search_says_where_its_budgets_come_from) {
  const std::vector<ResolvedValue> values = resolved_search(load(kSweep));
  EXPECT_TRUE(ends_with(origin(values, "method"), "s.yaml:2:9")) << origin(values, "method");
  EXPECT_TRUE(ends_with(origin(values, "max_trials"), "s.yaml:3:10"));
  EXPECT_TRUE(ends_with(origin(values, "max_time"), "s.yaml:4:11"));
  EXPECT_TRUE(ends_with(origin(values, "target"), "s.yaml:5:34")) << origin(values, "target");
  EXPECT_EQ(origin(values, "search_seed"), "default");
}

TEST(Resolved, json_has_the_origins_beside_the_trials) {
  const LoadedSweep loaded = load(kSweep, {"method=grid"});
  const Json json = resolved_with_origins(loaded);
  ASSERT_EQ(json["trials"].size(), loaded.plan.trials.size());
  const Json& origins = json["trials"][0]["origins"];
  EXPECT_EQ(origins["epsilon"], "default");
  EXPECT_TRUE(ends_with(origins["rank"], "s.yaml:11:9")) << origins["rank"];
  EXPECT_EQ(json["search"]["max_trials"]["value"], 7);
}

TEST(Resolved, text_has_a_line_for_each_value) {
  const LoadedSweep loaded = load(kSweep, {"method=grid"});
  const std::string text = resolved_text(loaded, 0);
  EXPECT_EQ(text.rfind("trial 1 ", 0), 0u) << text;
  EXPECT_NE(text.find("\n  epsilon "), std::string::npos);
  EXPECT_NE(text.find(", computed)\n"), std::string::npos);
  EXPECT_NE(resolved_search_text(loaded).find("max_trials"), std::string::npos);
}

}  // namespace
}  // namespace plateau::cli
