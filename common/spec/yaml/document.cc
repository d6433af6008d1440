#include "common/spec/yaml/document.h"

#include <map>
#include <set>
#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace plateau {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kMaxNodes = 100'000;
constexpr std::size_t kMaxDepth = 64;

// Thrown through yaml-cpp, which is how its parser is stopped.
class TooMuch : public YAML::ParserException {
 public:
  using YAML::ParserException::ParserException;
};

// Builds the tree from events. Throws TooMuch where the document goes too far.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, std::vector<Problem>& problems)
      : file_(file), problems_(problems) {}

  YamlNode take_root() { return std::move(root_); }
  bool has_root() const { return has_root_; }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(leaf(mark, nullptr), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      problem(mark, "an alias stands inside of what its anchor names; that has no end");
      add(leaf(mark, nullptr), 0);
      return;
    }
    // Kept: where the value was written. A mistake is at the anchor, not at the alias.
    YamlNode copy = found->second;
    count(mark, size_of(copy));
    add(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool text = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!text && tag != "?" && !tag.empty() && tag.rfind("tag:yaml.org,2002:", 0) != 0) {
      problem(mark, "the tag '" + tag + "' has no meaning here; leave it out");
    }
    add(leaf(mark, text ? Json(value) : plain_scalar(value)), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::kList, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, YamlNode::Kind::kMapping, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool key_read = false;  // a mapping that waits for its value
    std::string key;
    Place key_place;
    std::vector<YamlNode> merges;  // values of <<
  };

  Place place(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }
  void problem(const YAML::Mark& mark, std::string message) {
    problems_.push_back({place(mark), std::move(message)});
  }
  YamlNode leaf(const YAML::Mark& mark, Json value) {
    YamlNode node;
    node.place = place(mark);
    node.scalar = std::move(value);
    count(mark, 1);
    return node;
  }
  static std::size_t size_of(const YamlNode& node) {
    std::size_t size = 1;
    for (const YamlNode& item : node.items)
      size += size_of(item);
    for (const YamlNode::Entry& entry : node.entries)
      size += 1 + size_of(entry.value);
    return size;
  }
  void count(const YAML::Mark& mark, std::size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kMaxNodes) {
      throw TooMuch(mark, "over 100,000 values, aliases counted; this is no sweep");
    }
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
    count(mark, 1);
    if (stack_.size() >= kMaxDepth) {
      throw TooMuch(mark, "nested over 64 levels deep");
    }
    Open frame;
    frame.node.kind = kind;
    frame.node.place = place(mark);
    frame.anchor = anchor;
    stack_.push_back(std::move(frame));
  }

  void close() {
    Open frame = std::move(stack_.back());
    stack_.pop_back();
    for (const YamlNode& merged : frame.merges)
      merge(frame.node, merged);
    add(std::move(frame.node), frame.anchor);
  }

  // The merging mapping's own keys win; of several merged ones the first.
  void merge(YamlNode& into, const YamlNode& from) {
    if (from.kind == YamlNode::Kind::kList) {
      for (const YamlNode& item : from.items)
        merge(into, item);
      return;
    }
    if (from.kind != YamlNode::Kind::kMapping) {
      problems_.push_back(
          {from.place, "<< takes a mapping or a list of them, and this is " + from.what()});
      return;
    }
    for (const YamlNode::Entry& entry : from.entries) {
      if (into.find(entry.key) == nullptr) into.entries.push_back(entry);
    }
  }

  void add(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (stack_.empty()) {
      root_ = std::move(node);
      has_root_ = true;
      return;
    }
    Open& frame = stack_.back();
    if (frame.node.kind == YamlNode::Kind::kList) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key_read) {
      take_key(frame, node);
    } else {
      take_value(frame, std::move(node));
    }
  }

  void take_key(Open& frame, const YamlNode& node) {
    frame.key_read = true;
    frame.key_place = node.place;
    if (node.kind != YamlNode::Kind::kScalar || node.scalar.is_null()) {
      problems_.push_back({node.place, "a key is a word, and this is " + node.what()});
      frame.key = "";
      return;
    }
    frame.key = node.scalar.is_string() ? node.scalar.get<std::string>() : node.scalar.dump();
  }

  void take_value(Open& frame, YamlNode node) {
    frame.key_read = false;
    // yaml-cpp places what is not there behind it: on the next line.
    if (node.scalar.is_null() && node.kind == YamlNode::Kind::kScalar) node.place = frame.key_place;
    if (frame.key == "<<") {
      frame.merges.push_back(std::move(node));
      return;
    }
    for (const YamlNode::Entry& entry : frame.node.entries) {
      if (entry.key != frame.key || frame.key.empty()) continue;
      problems_.push_back({frame.key_place, "duplicate key '" + frame.key +
                                                "'; it stands in line " +
                                                std::to_string(entry.place.line) + " already"});
      return;
    }
    if (!frame.key.empty()) {
      frame.node.entries.push_back({frame.key, frame.key_place, std::move(node)});
    }
  }

  const std::string& file_;
  std::vector<Problem>& problems_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  YamlNode root_;
  bool has_root_ = false;
  std::size_t nodes_ = 0;
};

// A tab before the first other character of a line, at or before `last_line`: yaml-cpp's own
// message for it says something else.
int tab_line(const std::string& text, int last_line) {
  std::istringstream lines(text);
  std::string line;
  for (int number = 1; number <= last_line && std::getline(lines, line); ++number) {
    const std::size_t first = line.find_first_not_of(' ');
    if (first != std::string::npos && line[first] == '\t') return number;
  }
  return 0;
}

// yaml-cpp's messages in the words of who writes the file.
std::string syntax_text(const std::string& message) {
  static const std::map<std::string, const char*> texts = {
      {YAML::ErrorMsg::MAP_VALUE,
       "a ':' where no key can stand; the line above may lack its ':' or the blank behind it, or "
       "this line is indented otherwise than its neighbours"},
      {YAML::ErrorMsg::END_OF_MAP,
       "something else than `key: value` stands here, where a mapping goes on or ends; is the "
       "indentation that of its neighbours?"},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a list that begins with [ is not closed before this"},
      {YAML::ErrorMsg::END_OF_MAP_FLOW, "a mapping that begins with { is not closed before this"},
      {YAML::ErrorMsg::FLOW_END, "a ] or } closes what was not opened"},
      {YAML::ErrorMsg::EOF_IN_SCALAR, "a quotation is not closed"},
      {YAML::ErrorMsg::UNKNOWN_ANCHOR, "an alias (*) whose anchor (&) does not stand above it"},
  };
  const auto found = texts.find(message);
  return "this is not YAML: " + (found == texts.end() ? message : found->second);
}

Problem syntax_problem(const std::string& text, const std::string& file,
                       const YAML::Exception& error) {
  const int line = error.mark.is_null() ? 1 : error.mark.line + 1;
  const int column = error.mark.is_null() ? 1 : error.mark.column + 1;
  if (const int tab = tab_line(text, line); tab != 0) {
    std::istringstream lines(text);
    std::string content;
    for (int number = 0; number < tab; ++number)
      std::getline(lines, content);
    return {{file, tab, static_cast<int>(content.find('\t')) + 1},
            "a tab in the indentation; YAML allows blanks only"};
  }
  const bool readable = dynamic_cast<const TooMuch*>(&error) != nullptr;
  return {{file, line, column}, readable ? error.msg : syntax_text(error.msg)};
}

void refuse_second_document(YAML::Parser& parser, const std::string& file,
                            std::vector<Problem>& problems) {
  std::vector<Problem> unused;
  TreeBuilder second(file, unused);
  if (!parser.HandleNextDocument(second)) return;
  Place place{file, 1, 1};
  if (second.has_root()) place = second.take_root().place;
  problems.emplace_back(Problem{place, "a second document (after ---); one file is one sweep"});
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::string YamlNode::what() const {
  if (kind == Kind::kList) return "a list";
  if (kind == Kind::kMapping) return "a mapping";
  if (scalar.is_null()) return "nothing";
  if (scalar.is_string()) return "the text '" + scalar.get<std::string>() + "'";
  return (scalar.is_number() ? "the number " : "") + scalar.dump();
}

Json YamlNode::to_json() const {
  if (kind == Kind::kScalar) return scalar;
  Json json = kind == Kind::kList ? Json::array() : Json::object();
  for (const YamlNode& item : items)
    json.push_back(item.to_json());
  for (const Entry& entry : entries)
    json[entry.key] = entry.value.to_json();
  return json;
}

YamlNode parse_yaml(const std::string& text, const std::string& file,
                    std::vector<Problem>& problems) {
  YamlNode empty;
  empty.kind = YamlNode::Kind::kMapping;
  empty.place = Place{file, 1, 1};
  TreeBuilder builder(file, problems);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    if (!builder.has_root()) {
      problems.emplace_back(Problem{empty.place, "the file is empty"});
      return empty;
    }
    YamlNode root = builder.take_root();
    refuse_second_document(parser, file, problems);
    return root;
  } catch (const YAML::Exception& error) {
    problems.push_back(syntax_problem(text, file, error));
    return empty;
  }
}

}  // namespace plateau
