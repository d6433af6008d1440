#include "common/spec/yaml/read_sweep.h"

#include <algorithm>
#include <cctype>

#include "common/base/text.h"
#include "common/spec/fields.h"
#include "common/spec/yaml/reader.h"

namespace plateau {
namespace {

// Who lays out tables knows no lines: it names what is wrong by its path.
void note_places(const YamlNode& node, const std::string& path,
                 std::map<std::string, Place>& places) {
  places.emplace(path, node.place);
  for (const YamlNode::Entry& entry : node.entries)
    note_places(entry.value, path + "." + entry.key, places);
  for (std::size_t i = 0; i < node.items.size(); ++i)
    note_places(node.items[i], path + "[" + std::to_string(i) + "]", places);
}

using Json = nlohmann::json;

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> baseline_names() {
  std::vector<std::string> names;
  for (const MethodSchema& method : method_schemas()) {
    if (method.is_baseline) names.push_back(method.name);
  }
  return names;
}

void check_name(ReadContext& context, const std::string& name, const Place& place) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
  if (plain && !name.empty() && name[0] != '.' && name.size() <= 100) return;
  context.problem(place,
                  "the name '" + name +
                      "' becomes a folder; allowed are letters, digits, '-', '_' and '.', at "
                      "most 100, not starting with '.'");
}

void read_baselines(ReadContext& context, const YamlNode& node) {
  const std::vector<std::string> known = baseline_names();
  for (const SweepValue& value : read_texts(context, "baselines", node)) {
    const auto name = value.value.get<std::string>();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      context.problem(value.place, "unknown baseline '" + name + "'." + did_you_mean(name, known) +
                                       " Known: " + join(known, ", "));
    } else {
      context.sweep.baselines.push_back(value);
    }
  }
}

// The sections `adapters`, `tasks` and `bases` also say what there is, unless `parameters` does.
void read_adapters(ReadContext& context, const YamlNode& node) {
  for (const YamlNode::Entry& entry : node.entries) {
    const MethodSchema* method = find_method(entry.key);
    if (method == nullptr || method->is_baseline) {
      std::vector<std::string> known = method_names();
      for (const std::string& baseline : baseline_names())
        known.erase(std::find(known.begin(), known.end(), baseline));
      context.problem(entry.place, "unknown adapter '" + entry.key + "'." +
                                       did_you_mean(entry.key, known) +
                                       " Known: " + join(known, ", "));
    } else if (entry.value.kind == YamlNode::Kind::kScalar && entry.value.scalar.is_null()) {
      continue;  // `lora:` alone: the adapter with nothing of its own.
    } else if (expect_mapping(context, "adapters." + entry.key, entry.value)) {
      read_parameters(context, entry.value, {"adapter", entry.key});
    }
  }
}

bool has_parameter(const Sweep& sweep, const std::string& name) {
  return std::any_of(sweep.parameters.begin(), sweep.parameters.end(),
                     [&](const SweepParameter& parameter) { return parameter.name == name; });
}

void values_from_section(ReadContext& context, const std::string& kind, const YamlNode& section) {
  if (has_parameter(context.sweep, kind) || section.entries.empty()) return;
  SweepParameter parameter;
  parameter.name = kind;
  parameter.place = section.place;
  for (const YamlNode::Entry& entry : section.entries)
    parameter.values.push_back({entry.key, entry.place});
  context.sweep.parameters.push_back(std::move(parameter));
}

// What is set for an adapter, base or task that the sweep does not have. Not of a fragment, which
// may serve others; and the command line may have narrowed what there is.
void note_unused(ReadContext& context, const std::string& kind, const YamlNode& section) {
  std::vector<std::string> used;
  for (const SweepParameter& parameter : context.sweep.parameters) {
    if (parameter.name != kind) continue;
    if (parameter.place.line == 0) return;
    for (const SweepValue& value : parameter.values)
      used.push_back(value.value.get<std::string>());
  }
  if (used.empty()) return;
  for (const YamlNode::Entry& entry : section.entries) {
    if (contains(used, entry.key) || !entry.place.fragment.empty()) continue;
    context.sweep.notices.push_back(entry.place.text() + ": what " + kind + "s sets for '" +
                                    entry.key + "' is not used: the sweep's " + kind + " is " +
                                    join(used, ", "));
  }
}

void read_zip(ReadContext& context, const YamlNode& node) {
  const bool nested = node.kind == YamlNode::Kind::kList && !node.items.empty() &&
                      node.items[0].kind == YamlNode::Kind::kList;
  const std::vector<YamlNode> groups = nested ? node.items : std::vector<YamlNode>{node};
  for (const YamlNode& group : groups) {
    std::vector<std::string> names;
    if (group.kind != YamlNode::Kind::kList) {
      context.value_problem(group.place, "zip is " + group.what() +
                                             "; it is a list of parameters whose values go "
                                             "together, such as [rank, alpha], or of such lists");
      continue;
    }
    for (const SweepValue& value : read_texts(context, "zip", group))
      names.push_back(value.value.get<std::string>());
    if (names.size() < 2)
      context.value_problem(group.place, "a zip group needs at least two parameters");
    for (const std::string& name : names) {
      if (name == "seed")
        context.value_problem(group.place, "seed cannot be zipped: it is a replicate");
      if (!has_parameter(context.sweep, name)) {
        context.value_problem(group.place, "zip names '" + name +
                                               "', which this sweep does not set." +
                                               did_you_mean(name, parameter_names()));
      }
    }
    context.sweep.zips.push_back(std::move(names));
  }
}

void read_select(ReadContext& context, const YamlNode& node) {
  for (const SweepValue& value : read_texts(context, "select", node)) {
    const auto name = value.value.get<std::string>();
    const bool searched = name != "seed" && name != "base" && name != "task" && name != "adapter";
    if (!searched || !has_parameter(context.sweep, name)) {
      context.value_problem(value.place, "select names '" + name + "'" +
                                             (searched ? ", which this sweep does not set."
                                                       : ", which is never chosen by a metric.") +
                                             did_you_mean(name, parameter_names()));
    }
    for (const SweepParameter& parameter : context.sweep.parameters) {
      if (parameter.name != name || !parameter.expression) continue;
      context.value_problem(value.place, "select names '" + name + "', which is computed (" +
                                             parameter.expression->text() +
                                             "); select what it is computed from");
    }
    context.sweep.select.push_back(name);
  }
}

void add_device(ReadContext& context, const SweepValue& value) {
  const auto name = value.value.get<std::string>();
  const bool is_gpu = name.starts_with("cuda:") && name.size() > 5 &&
                      name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (!is_gpu && !contains({"auto", "cpu", "cuda"}, name)) {
    return context.problem(value.place, "resources.devices has '" + name +
                                            "'; allowed are auto (every GPU, else the CPU), cpu, "
                                            "cuda (every GPU), and cuda:0, cuda:1, ...");
  }
  context.sweep.resources.devices.push_back(name);
}

void read_resources(ReadContext& context, const YamlNode& node) {
  static const std::vector<std::string> known = {"pack", "devices"};
  if (!expect_mapping(context, "resources", node)) return;
  for (const YamlNode::Entry& entry : node.entries) {
    const Json& scalar = entry.value.scalar;
    if (entry.key == "pack") {
      if (!scalar.is_number_integer() || scalar < 1 || scalar > 1024) {
        context.problem(entry.value.place, "resources.pack is " + entry.value.what() +
                                               "; allowed is a whole number from 1 to 1024");
      } else {
        context.sweep.resources.pack = scalar.get<std::int64_t>();
      }
    } else if (entry.key == "devices") {
      for (const SweepValue& value : read_texts(context, "resources.devices", entry.value))
        add_device(context, value);
    } else {
      context.problem(entry.place, unknown_key("resources", entry.key, known));
    }
  }
}

// Sections that name parameters come before those that refer to them.
void read_parameter_sections(ReadContext& context, const YamlNode& root) {
  if (const YamlNode* folder = root.find("tasks_folder")) {
    const std::string text = read_text(context, "tasks_folder", *folder);
    if (!text.empty()) context.sweep.tasks_folder = context.path_from(text, folder->place);
  }
  for (const char* kind : {"base", "task"}) {
    const YamlNode* section = root.find(std::string(kind) + "s");
    if (section && expect_mapping(context, std::string(kind) + "s", *section)) {
      read_sources(context, kind, *section);
    }
  }
  const YamlNode* parameters = root.find("parameters");
  if (parameters && expect_mapping(context, "parameters", *parameters)) {
    read_parameters(context, *parameters, {});
  }
  const YamlNode* adapters = root.find("adapters");
  if (adapters && expect_mapping(context, "adapters", *adapters)) read_adapters(context, *adapters);
  for (const char* kind : {"base", "task", "adapter"}) {
    if (const YamlNode* section = root.find(std::string(kind) + "s")) {
      values_from_section(context, kind, *section);
      note_unused(context, kind, *section);
    }
  }
}

std::string unknown_top_key(const std::string& key) {
  if (contains(parameter_names(), key))
    return "the parameter '" + key + "' belongs under `parameters`";
  const std::string alias = known_alias(key);
  const bool is_near = nearest(key, top_level_keys()).has_value();
  const std::string meant =
      alias.empty() && !is_near ? nearest(key, parameter_names()).value_or("") : alias;
  if (meant.empty()) return unknown_key("the sweep", key, top_level_keys());
  return "unknown key '" + key + "' in the sweep. Did you mean the parameter '" + meant +
         "'? It belongs under `parameters`";
}

void read_key(ReadContext& context, const YamlNode::Entry& entry) {
  const std::string& key = entry.key;
  const YamlNode& node = entry.value;
  Sweep& sweep = context.sweep;
  const auto& known = top_level_keys();
  if (key == "name") {
    sweep.name = read_text(context, key, node);
    if (!sweep.name.empty()) check_name(context, sweep.name, node.place);
  } else if (key == "description") {
    sweep.description = read_text(context, key, node);
  } else if (key == "metric") {
    read_metric(context, node);
  } else if (key == "baselines") {
    read_baselines(context, node);
  } else if (key == "zip") {
    read_zip(context, node);
  } else if (key == "select") {
    read_select(context, node);
  } else if (key == "resources") {
    read_resources(context, node);
  } else if (contains(budget_keys(), key)) {
    read_budget(context, key, node);
  } else if (key == "report") {
    if (expect_mapping(context, key, node)) sweep.report = node.to_json();
    note_places(node, "report", sweep.report_places);
  } else if (key == "replicate") {
    if (read_text(context, key, node) != "seed") {
      context.problem(node.place, "replicate is " + node.what() + "; allowed: seed");
    }
  } else if (key == "program" || key == "command" || key == "entity" || key == "project") {
    sweep.notices.push_back(entry.place.text() + ": '" + key +
                            "' has no meaning here and is passed over");
  } else if (key == "early_terminate") {
    read_early_terminate(context, node);
  } else if (!contains(known, key)) {
    context.problem(entry.place, unknown_top_key(key));
  }
}

void finish(ReadContext& context, const YamlNode& root) {
  Sweep& sweep = context.sweep;
  if (sweep.parameters.empty() && context.parameters_are_known) {
    context.problem(root.place, "the sweep has no `parameters`, so there is nothing to train");
  }
  for (const char* name : {"base", "task", "adapter"}) {
    if (!has_parameter(sweep, name) && context.parameters_are_known && !sweep.parameters.empty()) {
      context.problem(root.place, std::string("the sweep names no ") + name +
                                      "; write it under `parameters`, such as `" + name + ": " +
                                      (std::string(name) == "adapter" ? "lora" : "NAME") + "`");
    }
  }
  if (has_parameter(sweep, "seed") && root.find("replicate") == nullptr) {
    sweep.notices.push_back(
        "seed is taken for replicates of a cell: mean and deviation are over "
        "it (`replicate: seed` says so)");
  }
  if (!sweep.select.empty()) {
    if (sweep.report.is_null()) sweep.report = Json::object();
    sweep.report["select"] = {{"over", sweep.select}, {"split", "validation"}};
  }
}

}  // namespace

const std::vector<std::string>& top_level_keys() {
  static const std::vector<std::string> keys = {
      "name",    "description", "method",       "metric",          "parameters", "adapters",
      "tasks",   "bases",       "zip",          "select",          "baselines",  "replicate",
      "report",  "resources",   "run_cap",      "max_trials",      "max_time",   "max_gpu_hours",
      "target",  "search_seed", "tasks_folder", "early_terminate", "fragments",  "extends",
      "program", "command",     "entity",       "project"};
  return keys;
}

std::string unknown_key(const std::string& what, const std::string& key,
                        const std::vector<std::string>& known) {
  return "unknown key '" + key + "' in " + what + "." + did_you_mean(key, known) +
         " Known: " + join(known, ", ");
}

std::string read_text(ReadContext& context, const std::string& key, const YamlNode& node) {
  if (node.is_text() && !node.scalar.get<std::string>().empty()) {
    return node.scalar.get<std::string>();
  }
  context.problem(node.place, key + " is " + node.what() + "; a text is needed");
  return "";
}

std::vector<SweepValue> read_texts(ReadContext& context, const std::string& key,
                                   const YamlNode& node) {
  std::vector<SweepValue> texts;
  const bool list = node.kind == YamlNode::Kind::kList;
  for (const YamlNode& item : list ? node.items : std::vector<YamlNode>{node}) {
    const std::string text = read_text(context, key, item);
    if (!text.empty()) texts.push_back({text, item.place});
  }
  return texts;
}

bool expect_mapping(ReadContext& context, const std::string& key, const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kMapping) return true;
  if (key == "adapters" || key == "tasks" || key == "bases") {
    const std::string one = key.substr(0, key.size() - 1);
    context.problem(node.place, key + " is " + node.what() + "; it holds what is set for each " +
                                    one +
                                    ", by its name. Which there are stands under "
                                    "`parameters`, as `" +
                                    one + ": [...]`");
    return false;
  }
  context.problem(node.place, key + " is " + node.what() + "; a mapping is needed (key: value)");
  return false;
}

SweepReading read_as_far_as_possible(const SweepFile& file) {
  ReadContext context{file, {}, {}};
  YamlNode root = parse_yaml(file.text, file.file, context.problems);
  if (!expect_mapping(context, "the sweep", root)) return {{}, std::move(context.problems), false};
  apply_fragments(context, root);
  apply_overrides(root, file.overrides, context.problems);
  context.sweep.name = std::filesystem::path(file.file).stem().string();
  if (const YamlNode* method = root.find("method")) read_method(context, *method);
  read_parameter_sections(context, root);
  context.parameters_are_known = context.problems.size() == context.value_problems;
  // What is wrong in other sections is apart from the parameters.
  const std::size_t known = context.problems.size() - context.value_problems;
  for (const YamlNode::Entry& entry : root.entries)
    read_key(context, entry);
  const std::size_t apart = context.problems.size() - context.value_problems - known;
  finish(context, root);
  check_sweep(context);
  const std::size_t bad = context.problems.size() - context.value_problems - apart;
  check_search(context, root);
  // A sweep without mistakes stays as it is.
  const bool can_be_expanded = bad == 0 && (context.problems.empty() || repair(context.sweep));
  return {std::move(context.sweep), std::move(context.problems), can_be_expanded};
}

Result<Sweep> read_sweep(const SweepFile& file) {
  SweepReading reading = read_as_far_as_possible(file);
  if (!reading.problems.empty()) return problems_error(std::move(reading.problems));
  return std::move(reading.sweep);
}

}  // namespace plateau
