// Small expressions in sweep files: `alpha: 2 * rank`, `when: adapter == lora and rank > 4`.
//
// Numbers, texts ('f1+l1' or bare words on the right of == and !=), true, false, names of
// parameters; + - * / // % **, comparisons, in [..], and, or, not, parentheses; min, max, round,
// floor, ceil, sqrt, log2, abs. Whole numbers stay whole but under /. No side effects, no loops;
// depth is limited.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau {

class Expression {
 public:
  // Names are `parameters`; any other bare word must stand right of == or !=, or in a list, and is
  // a text. kInvalidArgument says what stands at which character, and the nearest name.
  static Result<Expression> parse(std::string_view text,
                                  const std::vector<std::string>& parameters);

  const std::string& text() const { return text_; }
  // The parameters in it, each once, in the order of their first use.
  const std::vector<std::string>& names() const { return names_; }

  // Where a name is compared with a text by ==, != or `in`, in the order of the text.
  struct Comparison {
    std::string name;
    std::string text;
  };
  std::vector<Comparison> comparisons() const;

  // What a condition compares a name with, while the name never has such a value.
  struct Unmet {
    std::string name;
    std::vector<nlohmann::json> wanted;
  };
  // Every value that a name can have; nullptr: not known.
  using Values = std::function<const std::vector<nlohmann::json>*(const std::string& name)>;
  // Why it cannot be true by ==, `in` and comparisons of a text with a number alone; nullopt: it
  // may be, or something else keeps it from it.
  std::optional<Unmet> never_true(const Values& values) const;

  // The value of a name, or nullptr when the parameter does not exist in this trial: any comparison
  // with it is false, and arithmetic with it is an error.
  using Lookup = std::function<const nlohmann::json*(const std::string& name)>;
  // kInvalidArgument: a wrong type, a division by zero, a result that is not finite.
  Result<nlohmann::json> evaluate(const Lookup& lookup) const;

  struct Node;

 private:
  std::string text_;
  std::vector<std::string> names_;
  std::shared_ptr<const Node> root_;
};

}  // namespace plateau
