// Overrides on the command line, in Hydra's way: they take the place of what the file says, before
// anything is read out of it.
#include <algorithm>

#include "common/base/text.h"
#include "common/spec/fields.h"
#include "common/spec/yaml/reader.h"

namespace plateau {
namespace {

struct Override {
  std::string section;  // "" for a parameter everywhere; "adapters", "tasks", "bases"; "top"
  std::string scope;    // "lora"
  std::string key;
  Place place;
  YamlNode value;
};

void place_all(YamlNode& node, const Place& place) {
  node.place = place;
  for (YamlNode& item : node.items)
    place_all(item, place);
  for (YamlNode::Entry& entry : node.entries) {
    entry.place = place;
    place_all(entry.value, place);
  }
}

YamlNode mapping_at(const Place& place) {
  YamlNode node;
  node.kind = YamlNode::Kind::kMapping;
  node.place = place;
  return node;
}

// The value's own mapping, made if it is not there.
YamlNode& child(YamlNode& node, const std::string& key, const Place& place) {
  for (YamlNode::Entry& entry : node.entries) {
    if (entry.key == key) return entry.value;
  }
  node.entries.push_back({key, place, mapping_at(place)});
  return node.entries.back().value;
}

void set(YamlNode& mapping, const std::string& key, const Place& place, YamlNode value) {
  for (YamlNode::Entry& entry : mapping.entries) {
    if (entry.key != key) continue;
    entry.place = place;
    entry.value = std::move(value);
    return;
  }
  mapping.entries.push_back({key, place, std::move(value)});
}

// Takes the parameter out of a mapping of parameters and the groups in it. In a group, or at the
// top, an entry stays where it stood, so that the grid keeps its order.
bool replace_parameter(YamlNode& parameters, const Override& change) {
  for (YamlNode::Entry& entry : parameters.entries) {
    if (entry.key == change.key) {
      entry.place = change.place;
      entry.value = change.value;
      return true;
    }
    for (YamlNode::Entry& inner : entry.value.entries) {
      if (inner.key == "parameters" && replace_parameter(inner.value, change)) return true;
    }
  }
  return false;
}

void erase_from_scopes(YamlNode& root, const std::string& key) {
  for (YamlNode::Entry& section : root.entries) {
    if (section.key != "adapters" && section.key != "tasks" && section.key != "bases") continue;
    for (YamlNode::Entry& scope : section.value.entries) {
      auto& entries = scope.value.entries;
      entries.erase(std::remove_if(entries.begin(), entries.end(),
                                   [&](const YamlNode::Entry& entry) { return entry.key == key; }),
                    entries.end());
    }
  }
}

// "1,2,4" -> {values: [1, 2, 4]}; "range(5)" and "2 * rank" -> {value: ...}
YamlNode parameter_value(const std::string& text, const Place& place,
                         std::vector<Problem>& problems) {
  YamlNode node = mapping_at(place);
  YamlNode value;
  const std::string plain(trim(text));
  if (plain.find('(') != std::string::npos) {
    value.scalar = plain;  // Commas inside of range() and min() separate no values.
    set(node, "value", place, value);
  } else {
    std::vector<Problem> found;
    value = parse_yaml("[" + text + "]", place.source, found);
    for (Problem& problem : found)
      problems.push_back({place, problem.message});
    const bool single = value.items.size() == 1;
    YamlNode only = single ? value.items[0] : value;
    set(node, single ? "value" : "values", place, std::move(only));
  }
  place_all(node, place);
  return node;
}

// A key at the top of the file: one value, or a list.
YamlNode top_value(const std::string& text, const Place& place, std::vector<Problem>& problems) {
  YamlNode wrapped = parameter_value(text, place, problems);
  return wrapped.entries.front().value;
}

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// "lora.rank" and "adapters.lora.rank" are the same; tasks and bases need their section's name.
bool split_key(const std::string& key, Override& change) {
  const std::size_t dot = key.rfind('.');
  if (dot == std::string::npos) {
    change.key = key;
    return contains(parameter_names(), key);
  }
  change.key = key.substr(dot + 1);
  change.scope = key.substr(0, dot);
  change.section = "adapters";
  const std::size_t first = change.scope.find('.');
  if (first != std::string::npos) {
    change.section = change.scope.substr(0, first);
    change.scope = change.scope.substr(first + 1);
  } else if (change.scope == "resources") {
    change.section = "resources";
    return true;
  }
  const bool section = contains({"adapters", "tasks", "bases"}, change.section);
  const bool scope = change.section != "adapters" || find_method(change.scope) != nullptr;
  return section && scope;
}

void apply(YamlNode& root, const Override& change) {
  if (change.section == "resources") {
    set(child(root, "resources", change.place), change.key, change.place, change.value);
  } else if (!change.section.empty()) {
    YamlNode& section = child(root, change.section, change.place);
    set(child(section, change.scope, change.place), change.key, change.place, change.value);
  } else {
    erase_from_scopes(root, change.key);
    YamlNode& parameters = child(root, "parameters", change.place);
    if (!replace_parameter(parameters, change)) {
      set(parameters, change.key, change.place, change.value);
    }
  }
}

void apply_one(YamlNode& root, const std::string& text, std::vector<Problem>& problems) {
  Override change;
  change.place = {"override " + text, 0, 0};
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    problems.push_back({change.place, "an override is key=value, such as rank=1,2,4"});
    return;
  }
  const std::string key(trim(text.substr(0, equals)));
  const std::string value = text.substr(equals + 1);
  if (split_key(key, change)) {
    change.value = change.section == "resources" ? top_value(value, change.place, problems)
                                                 : parameter_value(value, change.place, problems);
    apply(root, change);
  } else if (contains(top_level_keys(), key)) {
    set(root, key, change.place, top_value(value, change.place, problems));
  } else {
    std::vector<std::string> known = parameter_names();
    known.insert(known.end(), top_level_keys().begin(), top_level_keys().end());
    const std::string alias = known_alias(key);
    problems.push_back(
        {change.place,
         "unknown parameter '" + key + "'." +
             (alias.empty() ? did_you_mean(key, known) : " Did you mean '" + alias + "'?") +
             " An override names a parameter (rank=1,2), one of an adapter "
             "(lora.learning_rate=1e-3), or a key of the file (name=pilot)"});
  }
}

}  // namespace

void apply_overrides(YamlNode& root, const std::vector<std::string>& overrides,
                     std::vector<Problem>& problems) {
  for (const std::string& text : overrides)
    apply_one(root, text, problems);
}

}  // namespace plateau
