#include "common/spec/expression.h"

#include <gtest/gtest.h>

namespace plateau {
namespace {

using Json = nlohmann::json;

const std::vector<std::string> kNames = {"rank", "alpha", "adapter", "dropout", "task"};

Json evaluate(const std::string& text) {
  Result<Expression> expression = Expression::parse(text, kNames);
  if (!expression) return expression.error().message;
  const std::map<std::string, Json> values = {
      {"rank", 4}, {"adapter", "lora"}, {"dropout", 0.5}, {"task", "bbc-news"}};
  const Result<Json> value = expression->evaluate([&](const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : &found->second;
  });
  return value ? value.value() : Json(value.error().message);
}

TEST(Expression, arithmetic_keeps_whole_numbers_whole) {
  EXPECT_EQ(evaluate("2 * rank").dump(), "8");
  EXPECT_EQ(evaluate("rank + 2 * 3 ** 2").dump(), "22");
  EXPECT_EQ(evaluate("(rank + 2) * 3").dump(), "18");
  EXPECT_EQ(evaluate("rank / 8").dump(), "0.5");
  EXPECT_EQ(evaluate("rank // 3").dump(), "1");
  EXPECT_EQ(evaluate("-rank % 3").dump(), "2");
  EXPECT_EQ(evaluate("-2 ** 2").dump(), "-4");
  EXPECT_EQ(evaluate("2 ** 3 ** 2").dump(), "512");
  EXPECT_EQ(evaluate("10 - 3 - 2").dump(), "5");
  EXPECT_EQ(evaluate("1e-3 * rank").dump(), "0.004");
  EXPECT_EQ(evaluate(".5 + dropout").dump(), "1.0");
  EXPECT_EQ(evaluate("min(rank, 3, 7)").dump(), "3");
  EXPECT_EQ(evaluate("max(-1, rank - 9)").dump(), "-1");
  EXPECT_EQ(evaluate("round(10 / rank)").dump(), "3");
  EXPECT_EQ(evaluate("16 / sqrt(rank)").dump(), "8.0");
  EXPECT_EQ(evaluate("log2(rank)").dump(), "2.0");
}

TEST(Expression, conditions) {
  EXPECT_EQ(evaluate("adapter == lora and rank > 3"), true);
  EXPECT_EQ(evaluate("adapter in [dora, loreft]"), false);
  EXPECT_EQ(evaluate("task == bbc-news"), true);
  EXPECT_EQ(evaluate("not adapter == 'lora' or rank in [1, 4]"), true);
  EXPECT_EQ(evaluate("rank != 4"), false);
  EXPECT_EQ(evaluate("adapter == rank"), false);
}

TEST(Expression, a_parameter_that_does_not_exist_compares_false_and_does_not_count) {
  EXPECT_EQ(evaluate("alpha > 3"), false);
  EXPECT_EQ(evaluate("alpha != 3"), false);
  EXPECT_EQ(evaluate("alpha * 2"),
            "'*' needs a number and got a parameter that does not exist there");
}

TEST(Expression, names_are_listed_once) {
  EXPECT_EQ(Expression::parse("rank * rank + alpha", kNames).value().names(),
            (std::vector<std::string>{"rank", "alpha"}));
}

TEST(Expression, mistakes_say_where) {
  EXPECT_EQ(evaluate("2 * rnk"),
            "'rnk' at character 5 of the expression is no parameter. Did you mean 'rank'?");
  EXPECT_EQ(evaluate("2 *"),
            "'the end' stands where a number or a parameter's name is needed at character 4 of the "
            "expression");
  EXPECT_EQ(evaluate("2 ; 3"), "';' has no meaning at character 3 of the expression");
  EXPECT_EQ(evaluate("(2"),
            "'the end' stands where ')' is needed at character 3 of the expression");
  EXPECT_EQ(evaluate("'a"), "a quotation that does not end at character 1 of the expression");
  EXPECT_EQ(evaluate("sqrt(1, 2)"),
            "sqrt() with the wrong number of arguments at character 1 of the expression");
  EXPECT_EQ(evaluate("rank 2"),
            "'2' stands where an operator or the end is needed at character 6 of the expression");
  EXPECT_EQ(evaluate("rank / 0"), "'/' divides by zero");
  EXPECT_EQ(evaluate("10 ** 999"), "'**' gives a number that is not finite");
  EXPECT_EQ(evaluate("adapter + 1"), "'+' needs a number and got \"lora\"");
  EXPECT_EQ(evaluate("rank and true"), "'and' needs true or false and got 4");
  EXPECT_EQ(evaluate("rank in 4"),
            "'4' stands where a list in [ ] is needed at character 9 of the "
            "expression");
}

TEST(Expression, depth_and_length_are_limited) {
  EXPECT_FALSE(Expression::parse(std::string(400, '(') + "1" + std::string(400, ')'), kNames));
  EXPECT_FALSE(Expression::parse(std::string(400, '-') + "1", kNames));
  EXPECT_FALSE(Expression::parse(std::string(2000, ' '), kNames));
  EXPECT_FALSE(Expression::parse("", kNames));
}

}  // namespace
}  // namespace plateau
