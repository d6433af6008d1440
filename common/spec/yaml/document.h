// A YAML document as a tree that knows line and column of every key and value.
//
// Built on yaml-cpp's events, since its nodes lose duplicate keys. Plain scalars are read by YAML
// 1.2's core schema: 1e-5 is a number, on and yes are texts. Anchors, aliases and merge keys are
// resolved here, up to a limit.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/spec/problem.h"

namespace plateau {

struct YamlNode {
  enum class Kind { kScalar, kList, kMapping };
  struct Entry;

  Kind kind = Kind::kScalar;
  Place place;
  nlohmann::json scalar;  // null, boolean, integer, number or string
  std::vector<YamlNode> items;
  std::vector<Entry> entries;  // in order; each key once, merged ones behind the others

  bool is_text() const { return kind == Kind::kScalar && scalar.is_string(); }
  const YamlNode* find(std::string_view key) const;
  // "a list", "a mapping", "the text 'grid'", "the number 3", "nothing": for messages.
  std::string what() const;
  // The node as plain JSON, places lost.
  nlohmann::json to_json() const;
};

struct YamlNode::Entry {
  std::string key;
  Place place;
  YamlNode value;
};

// A plain (unquoted) scalar by the core schema.
nlohmann::json plain_scalar(const std::string& text);

// The document's root. Problems are added to `problems`: syntax, tabs, duplicate keys, keys that
// are no scalars, unknown anchors, too large after aliases (100,000 nodes) or too deep (64). With
// syntax problems the root is what was read so far, or an empty mapping.
YamlNode parse_yaml(const std::string& text, const std::string& file,
                    std::vector<Problem>& problems);

}  // namespace plateau
