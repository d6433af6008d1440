#include "common/spec/yaml/document.h"

#include <gtest/gtest.h>

namespace plateau {
namespace {

using Json = nlohmann::json;

std::string problems_of(const std::string& text) {
  std::vector<Problem> problems;
  parse_yaml(text, "f.yaml", problems);
  return problems.empty() ? "" : problems_error(problems).message;
}

Json json_of(const std::string& text) {
  std::vector<Problem> problems;
  const YamlNode root = parse_yaml(text, "f.yaml", problems);
  EXPECT_TRUE(problems.empty()) << problems_error(problems).message;
  return root.to_json();
}

TEST(Document, scalars_are_those_of_the_core_schema) {
  const std::vector<std::pair<const char*, Json>> table = {
      {"1", 1},
      {"-7", -7},
      {"+3", 3},
      {"0x1F", 31},
      {"0o17", 15},
      {"017", 17},
      {"1e-5", 1e-5},
      {"1E3", 1000.0},
      {"1.5", 1.5},
      {".5", 0.5},
      {"5.", 5.0},
      {"-.5e+2", -50.0},
      {"true", true},
      {"False", false},
      {"~", nullptr},
      {"null", nullptr},
      {"on", "on"},
      {"yes", "yes"},
      {"No", "No"},
      {"1_000", "1_000"},
      {"1e", "1e"},
      {".", "."},
      {"-", "-"},
      {"1.2.3", "1.2.3"},
      {"0x", "0x"},
      {"0xg", "0xg"},
      {"1e999", "1e999"},
      {".inf", ".inf"},
      {"f1+l1", "f1+l1"},
      {"9223372036854775807", std::int64_t{9223372036854775807}},
      {"9223372036854775808", 9223372036854775808.0}};
  for (const auto& [text, value] : table) {
    EXPECT_EQ(plain_scalar(text), value) << text;
    EXPECT_EQ(plain_scalar(text).type(), value.type()) << text;
  }
}

TEST(Document, quoted_scalars_are_texts) {
  EXPECT_EQ(json_of("a: '1e-5'\nb: \"true\"\nc: !!str 5\n"),
            Json({{"a", "1e-5"}, {"b", "true"}, {"c", "5"}}));
}

TEST(Document, keys_and_values_know_their_places) {
  std::vector<Problem> problems;
  const YamlNode root = parse_yaml("a: 1\nb:\n  - x\n  - {c: 2}\n", "f.yaml", problems);
  EXPECT_EQ(root.entries[1].place.text(), "f.yaml:2:1");
  EXPECT_EQ(root.entries[1].value.items[0].place.text(), "f.yaml:3:5");
  EXPECT_EQ(root.entries[1].value.items[1].entries[0].value.place.text(), "f.yaml:4:9");
}

TEST(Document, duplicate_keys_are_found_at_every_level) {
  EXPECT_EQ(problems_of("a: 1\nb: {c: 1, c: 2}\na: 3\n"),
            "f.yaml:2:11: duplicate key 'c'; it stands in line 2 already\n"
            "f.yaml:3:1: duplicate key 'a'; it stands in line 1 already");
}

TEST(Document, merge_keys_fill_what_is_not_there) {
  EXPECT_EQ(json_of("base: &b {x: 1, y: 2}\nmore: &m {y: 5, z: 6}\n"
                    "one: {<<: *b, x: 7}\ntwo: {<<: [*b, *m]}\n"),
            Json::parse(R"({"base": {"x": 1, "y": 2}, "more": {"y": 5, "z": 6},
                            "one": {"x": 7, "y": 2}, "two": {"x": 1, "y": 2, "z": 6}})"));
  EXPECT_EQ(problems_of("a: {<<: 3}"),
            "f.yaml:1:9: << takes a mapping or a list of them, and this is the number 3");
}

TEST(Document, anchors_gone_wild_end_early) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j)
      bomb += (j == 0 ? "" : ", ") + before;
    bomb += "]\n";
  }
  EXPECT_EQ(problems_of(bomb),
            "f.yaml:5:45: over 100,000 values, aliases counted; this is no sweep");
  EXPECT_NE(problems_of("a: &a [*a]").find("an alias stands inside of what its anchor names"),
            std::string::npos);
  EXPECT_NE(problems_of("a: *nothing").find("f.yaml:1:4: this is not YAML"), std::string::npos);
}

TEST(Document, depth_is_limited) {
  EXPECT_NE(
      problems_of(std::string(100, '[') + std::string(100, ']')).find("nested over 64 levels deep"),
      std::string::npos);
}

TEST(Document, a_tab_is_called_a_tab) {
  EXPECT_EQ(problems_of("a:\n\tb: 1\n"),
            "f.yaml:2:1: a tab in the indentation; YAML allows blanks only");
  EXPECT_EQ(problems_of("a:\n  b:\n  \tc: 1\n"),
            "f.yaml:3:3: a tab in the indentation; YAML allows blanks only");
}

TEST(Document, what_is_no_single_mapping) {
  EXPECT_EQ(problems_of(""), "f.yaml:1:1: the file is empty");
  EXPECT_EQ(problems_of("# only this\n"), "f.yaml:1:1: the file is empty");
  EXPECT_EQ(problems_of("a: 1\n---\nb: 2\n"),
            "f.yaml:3:1: a second document (after ---); one file is one sweep");
  EXPECT_EQ(problems_of("[a, b]: 1\n"), "f.yaml:1:1: a key is a word, and this is a list");
  EXPECT_EQ(problems_of("a: !mine 3\n"),
            "f.yaml:1:4: the tag '!mine' has no meaning here; leave it out");
}

}  // namespace
}  // namespace plateau
