// Named fragments: `fragments: {short: {epochs: 1}}`, and `extends: short` in any mapping.
//
// The mapping's own keys win; of several fragments the last. Mappings are merged key by key, but a
// parameter is taken whole: `rank: {values: [1, 2]}` replaces `rank: {value: 4}`.
#include <algorithm>

#include "common/base/text.h"
#include "common/spec/yaml/reader.h"

namespace plateau {
namespace {

constexpr std::size_t kMaxNodes = 100'000;

// The mapping of one parameter, source or rule, which makes sense only whole.
bool is_one_thing(const YamlNode& node) {
  for (const char* key : {"value", "values", "expression", "distribution", "min", "max", "mu",
                          "sigma", "when", "path", "type"}) {
    if (node.find(key) != nullptr) return true;
  }
  return false;
}

std::size_t size_of(const YamlNode& node) {
  std::size_t size = 1;
  for (const YamlNode& item : node.items)
    size += size_of(item);
  for (const YamlNode::Entry& entry : node.entries)
    size += 1 + size_of(entry.value);
  return size;
}

void name_fragment(YamlNode& node, const std::string& fragment) {
  if (node.place.fragment.empty()) node.place.fragment = fragment;
  for (YamlNode& item : node.items)
    name_fragment(item, fragment);
  for (YamlNode::Entry& entry : node.entries) {
    if (entry.place.fragment.empty()) entry.place.fragment = fragment;
    name_fragment(entry.value, fragment);
  }
}

void merge_below(YamlNode& into, const YamlNode& from) {
  for (const YamlNode::Entry& entry : from.entries) {
    const auto own = std::find_if(into.entries.begin(), into.entries.end(),
                                  [&](const auto& other) { return other.key == entry.key; });
    const bool deep = own != into.entries.end() && own->value.kind == YamlNode::Kind::kMapping &&
                      entry.value.kind == YamlNode::Kind::kMapping && !is_one_thing(own->value) &&
                      !is_one_thing(entry.value);
    if (own == into.entries.end()) {
      into.entries.push_back(entry);
    } else if (deep) {
      merge_below(own->value, entry.value);
    }
  }
}

class Extender {
 public:
  Extender(const YamlNode& fragments, std::vector<Problem>& problems)
      : fragments_(fragments), problems_(problems) {
    for (const YamlNode::Entry& entry : fragments.entries)
      names_.push_back(entry.key);
  }

  void extend(YamlNode& node) {
    if (too_many_) return;
    for (YamlNode::Entry& entry : node.entries)
      extend(entry.value);
    for (YamlNode& item : node.items)
      extend(item);
    const auto found = std::find_if(node.entries.begin(), node.entries.end(),
                                    [](const auto& entry) { return entry.key == "extends"; });
    if (found == node.entries.end()) return;
    YamlNode wanted = std::move(found->value);
    node.entries.erase(found);
    if (wanted.kind != YamlNode::Kind::kList) return extend_with(node, wanted);
    // The last first: what is there already wins.
    for (auto item = wanted.items.rbegin(); item != wanted.items.rend(); ++item)
      extend_with(node, *item);
  }

  bool is_used(const std::string& name) const {
    return std::find(used_.begin(), used_.end(), name) != used_.end();
  }

 private:
  void extend_with(YamlNode& node, const YamlNode& wanted) {
    const std::string name = wanted.is_text() ? wanted.scalar.get<std::string>() : "";
    const YamlNode* fragment = name.empty() ? nullptr : fragments_.find(name);
    if (fragment == nullptr) {
      problems_.push_back(
          {wanted.place, "extends is " + wanted.what() + ", and no fragment is called so." +
                             did_you_mean(name, names_) +
                             " Fragments: " + (names_.empty() ? "none" : join(names_, ", "))});
      return;
    }
    if (std::find(open_.begin(), open_.end(), name) != open_.end()) {
      problems_.push_back({wanted.place, "the fragment '" + name + "' extends itself: " +
                                             join(open_, " -> ") + " -> " + name});
      return;
    }
    used_.push_back(name);
    nodes_ += size_of(*fragment);
    if (nodes_ > kMaxNodes) {
      too_many_ = true;
      problems_.push_back({wanted.place, "over 100,000 values after `extends`; this is no sweep"});
      return;
    }
    open_.push_back(name);
    YamlNode copy = *fragment;
    extend(copy);
    open_.pop_back();
    name_fragment(copy, name);
    merge_below(node, copy);
  }

  const YamlNode& fragments_;
  std::vector<Problem>& problems_;
  std::vector<std::string> names_, used_, open_;
  std::size_t nodes_ = 0;
  bool too_many_ = false;
};

}  // namespace

void apply_fragments(ReadContext& context, YamlNode& root) {
  YamlNode fragments;
  fragments.kind = YamlNode::Kind::kMapping;
  const auto section = std::find_if(root.entries.begin(), root.entries.end(),
                                    [](const auto& entry) { return entry.key == "fragments"; });
  if (section != root.entries.end()) {
    fragments = std::move(section->value);
    root.entries.erase(section);
    if (!expect_mapping(context, "fragments", fragments)) return;
  }
  for (const YamlNode::Entry& entry : fragments.entries)
    expect_mapping(context, "fragments." + entry.key, entry.value);
  Extender extender(fragments, context.problems);
  extender.extend(root);
  for (const YamlNode::Entry& entry : fragments.entries) {
    if (extender.is_used(entry.key)) continue;
    context.sweep.notices.push_back(entry.place.text() + ": the fragment '" + entry.key +
                                    "' is extended by nothing");
  }
}

}  // namespace plateau
