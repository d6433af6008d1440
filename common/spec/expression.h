// Small expressions in sweep files: `alpha: 2 * rank`, `when: adapter == lora and rank > 4`.
//
// Numbers, texts ('f1+l1' or bare words on the right of == and !=), true, false, names of
// parameters; + - * / // % **, comparisons, in [..], and, or, not, parentheses; min, max, round,
// floor, ceil, sqrt, log2, abs. Whole numbers stay whole but under /. No side effects, no loops;
// depth is limited.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau {

class Expression {
 public:
  // kInvalidArgument says what stands where ("column 7 of the expression").
  static Result<Expression> parse(std::string_view text);

  // True when the text can only be an expression: it parses and names at least one of `parameters`.
  static bool looks_like_one(std::string_view text, const std::vector<std::string>& parameters);

  const std::string& text() const { return text_; }
  // Names in the expression, each once, in order. Bare words compared with == are in words().
  const std::vector<std::string>& names() const { return names_; }
  const std::vector<std::string>& words() const { return words_; }

  // The value of a name, or nullptr when the parameter does not exist in this trial.
  using Lookup = std::function<const nlohmann::json*(const std::string& name)>;
  // kInvalidArgument: a name without value, a wrong type, a division by zero.
  Result<nlohmann::json> evaluate(const Lookup& lookup) const;

  struct Node;

 private:
  std::string text_;
  std::vector<std::string> names_;
  std::vector<std::string> words_;
  std::shared_ptr<const Node> root_;
};

}  // namespace plateau
