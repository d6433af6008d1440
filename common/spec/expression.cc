#include "common/spec/expression.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "common/base/text.h"
#include "common/spec/problem.h"

namespace plateau {

using Json = nlohmann::json;

struct Expression::Node {
  enum class Kind { kLiteral, kName, kList, kOperator, kCall };
  Kind kind = Kind::kLiteral;
  Json literal;      // kLiteral
  std::string text;  // the name, the operator or the function
  std::vector<std::shared_ptr<const Node>> children;
};

namespace {

using Node = Expression::Node;
using NodePtr = std::shared_ptr<const Node>;
constexpr int kMaxDepth = 50;

struct Token {
  enum class Kind { kNumber, kText, kWord, kSymbol, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;
  std::size_t at = 0;  // character of the expression, from 0
};

const std::vector<std::string>& functions() {
  static const std::vector<std::string> names = {"min",  "max",  "round", "floor",
                                                 "ceil", "sqrt", "log2",  "abs"};
  return names;
}

bool is_one_of(const std::string& text, std::initializer_list<const char*> candidates) {
  return std::find(candidates.begin(), candidates.end(), text) != candidates.end();
}

Error wrong_at(std::size_t at, const std::string& what) {
  return invalid_argument(what + " at character " + std::to_string(at + 1) + " of the expression");
}

bool starts_word(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
}
bool continues_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
}
bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

std::size_t number_end(std::string_view text, std::size_t at) {
  while (at < text.size() && (is_digit(text[at]) || text[at] == '.'))
    ++at;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    std::size_t exponent = at + 1;
    if (exponent < text.size() && (text[exponent] == '-' || text[exponent] == '+')) ++exponent;
    if (exponent < text.size() && is_digit(text[exponent])) {
      at = exponent;
      while (at < text.size() && is_digit(text[at]))
        ++at;
    }
  }
  return at;
}

// What a sign of another language is here.
std::string own_sign(char c) {
  switch (c) {
    case '=':
      return "; equality is ==";
    case '&':
      return "; both is `and`";
    case '|':
      return "; either is `or`";
    case '!':
      return "; the opposite is `not`";
    case '^':
      return "; a power is **";
    case '$':
    case '{':
      return "; a parameter's name stands alone";
    default:
      return "";
  }
}

std::string symbol_at(std::string_view text, std::size_t at) {
  for (const char* two : {"**", "//", "==", "!=", "<=", ">="}) {
    if (text.substr(at, 2) == two) return two;
  }
  const std::string one(1, text[at]);
  return is_one_of(one, {"+", "-", "*", "/", "%", "(", ")", "[", "]", ",", "<", ">"}) ? one : "";
}

Result<std::vector<Token>> tokens_of(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    std::size_t end = at + 1;
    if (c == ' ') {
      ++at;
      continue;
    }
    if (c == '\'' || c == '"') {
      end = text.find(c, at + 1);
      if (end == std::string_view::npos) return wrong_at(at, "a quotation that does not end");
      tokens.push_back({Token::Kind::kText, std::string(text.substr(at + 1, end - at - 1)), at});
      at = end + 1;
      continue;
    }
    if (is_digit(c) || (c == '.' && at + 1 < text.size() && is_digit(text[at + 1]))) {
      end = number_end(text, at);
      tokens.push_back({Token::Kind::kNumber, std::string(text.substr(at, end - at)), at});
    } else if (starts_word(c)) {
      // A word may hold a hyphen, as names of tasks do: "bbc-news"; "a - b" needs its blanks.
      while (end < text.size() &&
             (continues_word(text[end]) ||
              (text[end] == '-' && end + 1 < text.size() && starts_word(text[end + 1]))))
        ++end;
      tokens.push_back({Token::Kind::kWord, std::string(text.substr(at, end - at)), at});
    } else {
      const std::string symbol = symbol_at(text, at);
      if (symbol.empty()) {
        return invalid_argument(std::string("'") + c + "' has no meaning at character " +
                                std::to_string(at + 1) + " of the expression" + own_sign(c));
      }
      end = at + symbol.size();
      tokens.push_back({Token::Kind::kSymbol, symbol, at});
    }
    at = end;
  }
  tokens.push_back({Token::Kind::kEnd, "the end", text.size()});
  return tokens;
}

// Recursive descent, loosest first: or, and, not, comparison, sum, product, sign, power, atom.
class Parser {
 public:
  Parser(std::vector<Token> tokens, const std::vector<std::string>& parameters)
      : tokens_(std::move(tokens)), parameters_(parameters) {}

  Result<NodePtr> parse() {
    Result<NodePtr> root = disjunction(0);
    if (!root) return root;
    if (here().kind != Token::Kind::kEnd) return unexpected("an operator or the end");
    return root;
  }
  std::vector<std::string> names;

 private:
  const Token& here() const { return tokens_[at_]; }
  bool take(const char* text) {
    if (here().kind != Token::Kind::kSymbol && here().kind != Token::Kind::kWord) return false;
    if (here().text != text) return false;
    ++at_;
    return true;
  }
  Error unexpected(const std::string& wanted) const {
    return wrong_at(here().at, "'" + here().text + "' stands where " + wanted + " is needed");
  }
  static NodePtr node(std::string text, std::vector<NodePtr> children,
                      Node::Kind kind = Node::Kind::kOperator) {
    return std::make_shared<Node>(Node{kind, nullptr, std::move(text), std::move(children)});
  }

  using Rule = Result<NodePtr> (Parser::*)(int);
  Result<NodePtr> left_chain(std::initializer_list<const char*> operators, Rule next, int depth) {
    if (depth > kMaxDepth) return wrong_at(here().at, "too many parentheses");
    Result<NodePtr> left = (this->*next)(depth);
    while (left) {
      const auto found = std::find_if(operators.begin(), operators.end(),
                                      [this](const char* text) { return take(text); });
      if (found == operators.end()) break;
      Result<NodePtr> right = (this->*next)(depth);
      if (!right) return right;
      left = node(*found, {*left, *right});
    }
    return left;
  }
  Result<NodePtr> disjunction(int depth) {
    return left_chain({"or"}, &Parser::conjunction, depth + 1);
  }
  Result<NodePtr> conjunction(int depth) { return left_chain({"and"}, &Parser::negation, depth); }
  Result<NodePtr> negation(int depth) {
    if (depth > kMaxDepth) return wrong_at(here().at, "too many 'not'");
    if (!take("not")) return comparison(depth);
    Result<NodePtr> inner = negation(depth + 1);
    return inner ? Result<NodePtr>(node("not", {*inner})) : inner;
  }
  Result<NodePtr> comparison(int depth) {
    Result<NodePtr> left = sum(depth);
    if (!left) return left;
    for (const char* op : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (!take(op)) continue;
      words_allowed_ = op[1] == '=' && (op[0] == '=' || op[0] == '!');
      Result<NodePtr> right = sum(depth);
      words_allowed_ = false;
      return right ? Result<NodePtr>(node(op, {*left, *right})) : right;
    }
    if (!take("in")) return left;
    Result<NodePtr> right = list(depth);
    return right ? Result<NodePtr>(node("in", {*left, *right})) : right;
  }
  Result<NodePtr> list(int depth) {
    if (!take("[")) return unexpected("a list in [ ]");
    std::vector<NodePtr> items;
    while (!take("]")) {
      if (!items.empty() && !take(",")) return unexpected("',' or ']'");
      words_allowed_ = true;
      Result<NodePtr> item = sum(depth + 1);
      words_allowed_ = false;
      if (!item) return item;
      items.push_back(*item);
    }
    return node("[]", std::move(items), Node::Kind::kList);
  }
  Result<NodePtr> sum(int depth) { return left_chain({"+", "-"}, &Parser::product, depth); }
  Result<NodePtr> product(int depth) {
    return left_chain({"*", "//", "/", "%"}, &Parser::sign, depth);
  }
  Result<NodePtr> sign(int depth) {
    if (depth > kMaxDepth) return wrong_at(here().at, "too many signs");
    if (!take("-")) return power(depth);
    Result<NodePtr> inner = sign(depth + 1);
    return inner ? Result<NodePtr>(node("negative", {*inner})) : inner;
  }
  Result<NodePtr> power(int depth) {
    Result<NodePtr> left = atom(depth);
    if (!left || !take("**")) return left;
    Result<NodePtr> right = sign(depth + 1);
    return right ? Result<NodePtr>(node("**", {*left, *right})) : right;
  }
  Result<NodePtr> atom(int depth) {
    const Token token = here();
    if (take("(")) {
      Result<NodePtr> inner = disjunction(depth + 1);
      if (inner && !take(")")) return unexpected("')'");
      return inner;
    }
    ++at_;
    switch (token.kind) {
      case Token::Kind::kText:
        return literal(token.text);
      case Token::Kind::kNumber:
        return number(token);
      case Token::Kind::kWord:
        return word(token, depth);
      default:
        --at_;
        return unexpected("a number or a parameter's name");
    }
  }
  static NodePtr literal(Json value) {
    return std::make_shared<Node>(Node{Node::Kind::kLiteral, std::move(value), "", {}});
  }
  Result<NodePtr> number(const Token& token) {
    const Json value = Json::parse(token.text, nullptr, false);
    if (value.is_number()) return literal(value);
    // JSON wants digits on both sides of the point; YAML and people do not.
    char* end = nullptr;
    const double parsed = std::strtod(token.text.c_str(), &end);
    if (*end != '\0') return wrong_at(token.at, "'" + token.text + "' is no number");
    return literal(parsed);
  }
  Result<NodePtr> word(const Token& token, int depth) {
    if (token.text == "true" || token.text == "false") return literal(token.text == "true");
    const auto& known = functions();
    if (here().text == "(" && std::find(known.begin(), known.end(), token.text) != known.end()) {
      return call(token, depth);
    }
    if (std::find(parameters_.begin(), parameters_.end(), token.text) != parameters_.end()) {
      if (std::find(names.begin(), names.end(), token.text) == names.end()) {
        names.push_back(token.text);
      }
      return node(token.text, {}, Node::Kind::kName);
    }
    if (words_allowed_) return literal(token.text);
    std::vector<std::string> candidates = parameters_;
    candidates.insert(candidates.end(), known.begin(), known.end());
    return invalid_argument("'" + token.text + "' at character " + std::to_string(token.at + 1) +
                            " of the expression is no parameter." +
                            did_you_mean(token.text, candidates));
  }
  Result<NodePtr> call(const Token& token, int depth) {
    take("(");
    std::vector<NodePtr> arguments;
    while (!take(")")) {
      if (!arguments.empty() && !take(",")) return unexpected("',' or ')'");
      Result<NodePtr> argument = disjunction(depth + 1);
      if (!argument) return argument;
      arguments.push_back(*argument);
    }
    const bool many = token.text == "min" || token.text == "max";
    if (arguments.empty() || (!many && arguments.size() != 1)) {
      return wrong_at(token.at, token.text + "() with the wrong number of arguments");
    }
    return node(token.text, std::move(arguments), Node::Kind::kCall);
  }

  std::vector<Token> tokens_;
  const std::vector<std::string>& parameters_;
  std::size_t at_ = 0;
  bool words_allowed_ = false;
};

Error not_a_number(const std::string& op, const Json& value) {
  return invalid_argument(
      "'" + op + "' needs a number and got " +
      (value.is_null() ? "a parameter that does not exist there" : value.dump()));
}

Result<Json> finite(const std::string& op, double value) {
  if (std::isfinite(value)) return Json(value);
  return invalid_argument("'" + op + "' gives a number that is not finite");
}

// Whole numbers stay whole where the exact result fits; 2 * rank must print as 8, not 8.0.
Result<Json> whole_if_exact(double value, bool whole) {
  if (whole && value == std::floor(value) && std::fabs(value) < 9e15) {
    return Json(static_cast<std::int64_t>(value));
  }
  return Json(value);
}

Result<Json> arithmetic(const std::string& op, const Json& left, const Json& right) {
  for (const Json* side : {&left, &right}) {
    if (!side->is_number()) return not_a_number(op, *side);
  }
  const double a = left.get<double>(), b = right.get<double>();
  const bool whole = left.is_number_integer() && right.is_number_integer();
  if (b == 0 && is_one_of(op, {"/", "//", "%"})) {
    return invalid_argument("'" + op + "' divides by zero");
  }
  double value = 0;
  if (op == "+") value = a + b;
  if (op == "-") value = a - b;
  if (op == "*") value = a * b;
  if (op == "/") value = a / b;
  if (op == "//") value = std::floor(a / b);
  if (op == "%") value = a - b * std::floor(a / b);
  if (op == "**") value = std::pow(a, b);
  if (!std::isfinite(value)) return finite(op, value);
  return whole_if_exact(value, whole && op != "/");
}

bool compare(const std::string& op, const Json& left, const Json& right) {
  if (left.is_null() || right.is_null()) return false;
  if (op == "==") return left == right;
  if (op == "!=") return left != right;
  if (left.is_number() != right.is_number()) return false;
  if (op == "<") return left < right;
  if (op == ">") return left > right;
  return op == "<=" ? left <= right : left >= right;
}

Result<Json> apply_function(const std::string& name, const std::vector<Json>& values) {
  double best = 0;
  bool whole = true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].is_number()) return not_a_number(name, values[i]);
    whole = whole && values[i].is_number_integer();
    const double value = values[i].get<double>();
    if (i == 0) best = value;
    best = name == "min" ? std::min(best, value) : name == "max" ? std::max(best, value) : best;
  }
  if (name == "min" || name == "max") return whole_if_exact(best, whole);
  if (name == "abs") return whole_if_exact(std::fabs(best), whole);
  if (name == "round") return whole_if_exact(std::round(best), true);
  if (name == "floor") return whole_if_exact(std::floor(best), true);
  if (name == "ceil") return whole_if_exact(std::ceil(best), true);
  return finite(name, name == "sqrt" ? std::sqrt(best) : std::log2(best));
}

Result<Json> evaluate_node(const Node& node, const Expression::Lookup& lookup);

Result<Json> evaluate_logic(const Node& node, const Expression::Lookup& lookup) {
  bool value = node.text == "and";
  for (const NodePtr& child : node.children) {
    Result<Json> side = evaluate_node(*child, lookup);
    if (!side) return side;
    if (!side->is_boolean()) {
      return invalid_argument("'" + node.text + "' needs true or false and got " + side->dump());
    }
    if (node.text == "not") return Json(!side->get<bool>());
    value = node.text == "and" ? value && side->get<bool>() : value || side->get<bool>();
  }
  return Json(value);
}

Result<Json> evaluate_node(const Node& node, const Expression::Lookup& lookup) {
  if (node.kind == Node::Kind::kLiteral) return node.literal;
  if (node.kind == Node::Kind::kName) {
    const Json* value = lookup(node.text);
    return value == nullptr ? Json() : *value;
  }
  if (is_one_of(node.text, {"and", "or", "not"})) return evaluate_logic(node, lookup);
  std::vector<Json> values;
  for (const NodePtr& child : node.children) {
    Result<Json> value = evaluate_node(*child, lookup);
    if (!value) return value;
    values.push_back(*value);
  }
  if (node.kind == Node::Kind::kList) return Json(values);
  if (node.kind == Node::Kind::kCall) return apply_function(node.text, values);
  if (node.text == "in") {
    return Json(std::find(values[1].begin(), values[1].end(), values[0]) != values[1].end());
  }
  if (node.text == "negative") return arithmetic("-", Json(0), values[0]);
  if (is_one_of(node.text, {"==", "!=", "<", ">", "<=", ">="})) {
    return Json(compare(node.text, values[0], values[1]));
  }
  return arithmetic(node.text, values[0], values[1]);
}

}  // namespace

Result<Expression> Expression::parse(std::string_view text,
                                     const std::vector<std::string>& parameters) {
  constexpr std::size_t kMaxLength = 1000;
  if (text.size() > kMaxLength) return invalid_argument("the expression is over 1000 characters");
  Result<std::vector<Token>> tokens = tokens_of(text);
  if (!tokens) return tokens.error();
  Parser parser(std::move(*tokens), parameters);
  Result<NodePtr> root = parser.parse();
  if (!root) return root.error();
  Expression expression;
  expression.text_ = std::string(text);
  expression.names_ = parser.names;
  expression.root_ = *root;
  return expression;
}

namespace {

using Unmet = Expression::Unmet;

// `name == 3`, `3 > name`, `name in [3, 4]`: the name and what it is compared with.
std::optional<Unmet> comparison_of(const Node& node) {
  if (node.kind != Node::Kind::kOperator || node.children.size() != 2) return std::nullopt;
  const Node* name = node.children[0].get();
  const Node* other = node.children[1].get();
  if (name->kind != Node::Kind::kName) std::swap(name, other);
  if (name->kind != Node::Kind::kName) return std::nullopt;
  Unmet found{name->text, {}};
  if (node.text == "in" && other->kind == Node::Kind::kList) {
    for (const NodePtr& item : other->children) {
      if (item->kind != Node::Kind::kLiteral) return std::nullopt;
      found.wanted.push_back(item->literal);
    }
    return found;
  }
  if (other->kind != Node::Kind::kLiteral) return std::nullopt;
  found.wanted.push_back(other->literal);
  return found;
}

std::optional<Unmet> unmet(const Node& node, const Expression::Values& values) {
  if (node.text == "and" || node.text == "or") {
    std::optional<Unmet> first;
    for (const NodePtr& child : node.children) {
      std::optional<Unmet> found = unmet(*child, values);
      if (!found && node.text == "or") return std::nullopt;
      if (found && !first) first = std::move(found);
    }
    return first;
  }
  const bool is_order = is_one_of(node.text, {"<", ">", "<=", ">="});
  if (!is_order && !is_one_of(node.text, {"==", "in"})) return std::nullopt;
  std::optional<Unmet> compared = comparison_of(node);
  const std::vector<Json>* known = compared ? values(compared->name) : nullptr;
  if (known == nullptr) return std::nullopt;
  for (const Json& wanted : compared->wanted) {
    for (const Json& value : *known) {
      if (is_order ? value.is_number() == wanted.is_number() : value == wanted) return std::nullopt;
    }
  }
  return compared;
}

}  // namespace

std::optional<Expression::Unmet> Expression::never_true(const Values& values) const {
  return unmet(*root_, values);
}

Result<Json> Expression::evaluate(const Lookup& lookup) const {
  return evaluate_node(*root_, lookup);
}

std::vector<Expression::Comparison> Expression::comparisons() const {
  std::vector<Comparison> found;
  const auto note = [&](const Node& name, const Node& text) {
    if (name.kind == Node::Kind::kName && text.kind == Node::Kind::kLiteral &&
        text.literal.is_string()) {
      found.push_back({name.text, text.literal.get<std::string>()});
    }
  };
  std::vector<const Node*> open = {root_.get()};
  while (!open.empty()) {
    const Node& node = *open.back();
    open.pop_back();
    for (std::size_t i = node.children.size(); i-- > 0;)
      open.push_back(node.children[i].get());
    if (node.kind != Node::Kind::kOperator || node.children.size() != 2) continue;
    const Node& left = *node.children[0];
    const Node& right = *node.children[1];
    if (node.text == "in") {
      for (const NodePtr& item : right.children)
        note(left, *item);
    } else if (node.text == "==" || node.text == "!=") {
      note(left, right);
      note(right, left);
    }
  }
  return found;
}

}  // namespace plateau
