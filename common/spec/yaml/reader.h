// Inside of read_sweep: what its parts share.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/spec/methods.h"
#include "common/spec/sweep.h"
#include "common/spec/yaml/document.h"
#include "common/spec/yaml/read_sweep.h"

namespace plateau {

struct ReadContext {
  const SweepFile& file;
  Sweep sweep;
  std::vector<Problem> problems;

  void problem(const Place& place, std::string message) {
    problems.push_back({place, std::move(message)});
  }
  // Of one value, condition or group: what else is said of the sweep can still be judged.
  void value_problem(const Place& place, std::string message) {
    problem(place, std::move(message));
    ++value_problems;
  }
  std::size_t value_problems = 0;
  bool adapter_is_wrong = false;          // one of its values was a problem
  std::set<std::string> incomplete = {};  // parameters of which something was a problem
  // All parameters that the file means are there, with their names; values may be missing.
  bool parameters_are_known = false;

  // Absolute; relative to the file's folder, or to the overrides' one; "~/" is the home folder.
  std::filesystem::path path_from(const std::string& text, const Place& place) const;
};

// Where the parameters that are being read hold.
struct Scope {
  std::string kind;  // "", "adapter", "task", "base"
  std::string name;
};

// "unknown key 'x'. Did you mean 'y'? Known here: ..."
std::string unknown_key(const std::string& what, const std::string& key,
                        const std::vector<std::string>& known);

// The text of a scalar, or a problem naming `key`; empty then.
std::string read_text(ReadContext& context, const std::string& key, const YamlNode& node);
// One text or a list of texts.
std::vector<SweepValue> read_texts(ReadContext& context, const std::string& key,
                                   const YamlNode& node);
// A mapping, or a problem.
bool expect_mapping(ReadContext& context, const std::string& key, const YamlNode& node);

// A mapping of parameters into context.sweep.parameters; nested `parameters` are flattened.
void read_parameters(ReadContext& context, const YamlNode& mapping, const Scope& scope);
// One parameter by its known name.
void read_parameter(ReadContext& context, const YamlNode::Entry& entry, const Scope& scope);

// The sections `bases` and `tasks`: local folders by name, and parameters that hold for each.
void read_sources(ReadContext& context, const std::string& kind, const YamlNode& mapping);
// A value of the parameter `base` or `task`: its name; a path or mapping is noted as a reference.
// Null after a problem.
nlohmann::json read_source_value(ReadContext& context, const std::string& kind,
                                 const YamlNode& node);

// Puts "rank=1,2,4" and the like into the tree, in place of what the file says.
void apply_overrides(YamlNode& root, const std::vector<std::string>& overrides,
                     std::vector<Problem>& problems);

// Takes the section `fragments` out and puts what is extended in its place.
void apply_fragments(ReadContext& context, YamlNode& root);

// Every key that may stand at the top of a sweep file.
const std::vector<std::string>& top_level_keys();

// How the sweep searches and ends. read_budget: one of budget_keys().
void read_method(ReadContext& context, const YamlNode& node);
void read_metric(ReadContext& context, const YamlNode& node);
void read_early_terminate(ReadContext& context, const YamlNode& node);
const std::vector<std::string>& budget_keys();
void read_budget(ReadContext& context, const std::string& key, const YamlNode& node);
// A search has a cap.
void check_search(ReadContext& context, const YamlNode& root);

// Zip groups, selected parameters, `when` and expressions name what is there; lengths agree. Takes
// out expressions that do not.
void check_sweep(ReadContext& context);

// Makes a sweep with mistakes one that can be expanded to look for others; false: it cannot be.
bool repair(Sweep& sweep);

}  // namespace plateau
