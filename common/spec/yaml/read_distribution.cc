// W&B's distributions: names, keys and limits of each, and what they are on a grid.
#include <algorithm>
#include <cmath>
#include <map>

#include "common/base/text.h"
#include "common/spec/yaml/draft.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

enum class Shape {
  kInt,
  kUniform,
  kExponents,
  kInverseExponents,
  kValues,
  kNormal,
  kLogNormal,
  kBeta
};

struct Named {
  const char* name;
  Shape shape;
  bool rounds;  // takes q
};

constexpr Named kNamed[] = {
    {"int_uniform", Shape::kInt, false},
    {"uniform", Shape::kUniform, false},
    {"q_uniform", Shape::kUniform, true},
    {"log_uniform", Shape::kExponents, false},
    {"log_uniform_values", Shape::kValues, false},
    {"q_log_uniform", Shape::kExponents, true},
    {"q_log_uniform_values", Shape::kValues, true},
    {"inv_log_uniform", Shape::kInverseExponents, false},
    {"inv_log_uniform_values", Shape::kValues, false},
    {"normal", Shape::kNormal, false},
    {"q_normal", Shape::kNormal, true},
    {"log_normal", Shape::kLogNormal, false},
    {"q_log_normal", Shape::kLogNormal, true},
    {"beta", Shape::kBeta, false},
    {"q_beta", Shape::kBeta, true},
};

std::vector<std::string> names() {
  std::vector<std::string> all = {"constant", "categorical"};
  for (const Named& named : kNamed)
    all.emplace_back(named.name);
  return all;
}

bool is_normal(Shape shape) {
  return shape == Shape::kNormal || shape == Shape::kLogNormal;
}

std::vector<std::string> keys_of(const Named& named) {
  std::vector<std::string> keys = {"min", "max"};
  if (is_normal(named.shape)) keys = {"mu", "sigma"};
  if (named.shape == Shape::kBeta) keys = {"a", "b"};
  if (named.rounds) keys.emplace_back("q");
  return keys;
}

// Reads the numbers of one distribution; `right` is false after a problem.
class DistributionReader {
 public:
  DistributionReader(ReadContext& context, const Draft& draft, const YamlNode& node,
                     const Named& named)
      : context_(context), draft_(draft), node_(node), named_(named) {}

  std::optional<Distribution> read() {
    check_keys();
    Distribution distribution;
    if (named_.rounds) distribution.quantum = number("q", 1.0);
    if (named_.rounds && distribution.quantum <= 0) {
      problem("q", "allowed is a number above 0; draws are rounded to its multiples");
    }
    distribution.shape = is_normal(named_.shape)        ? normal()
                         : named_.shape == Shape::kBeta ? beta()
                                                        : between();
    if (draft_.schema->minimum) distribution.lowest = *draft_.schema->minimum;
    if (draft_.schema->maximum) distribution.highest = *draft_.schema->maximum;
    if (right_) check_whole(distribution);
    return right_ ? std::optional(distribution) : std::nullopt;
  }

 private:
  using AnyShape = decltype(Distribution::shape);

  void problem(const std::string& key, const std::string& allowed) {
    const YamlNode* node = node_.find(key);
    right_ = false;
    if (node == nullptr) {
      context_.problem(node_.place, draft_.parameter.name + " has the distribution " + named_.name +
                                        " and no " + key + "; " + allowed);
    } else {
      context_.problem(node->place,
                       draft_.parameter.name + "." + key + " is " + node->what() + "; " + allowed);
    }
  }

  void check_keys() {
    const std::vector<std::string> own = keys_of(named_);
    for (const YamlNode::Entry& entry : node_.entries) {
      const bool is_own = std::find(own.begin(), own.end(), entry.key) != own.end();
      if (is_own || entry.key == "distribution" || entry.key == "when") continue;
      right_ = false;
      context_.problem(entry.place, draft_.parameter.name + "." + entry.key +
                                        " has no meaning for " + named_.name + ", which takes " +
                                        join(own, ", "));
    }
  }

  double number(const std::string& key, std::optional<double> otherwise) {
    const YamlNode* node = node_.find(key);
    if (node == nullptr && otherwise) return *otherwise;
    if (node != nullptr && node->scalar.is_number()) return node->scalar.get<double>();
    problem(key, "a number is needed");
    return otherwise.value_or(0);
  }

  AnyShape normal() {
    const double mu = number("mu", 0.0), sigma = number("sigma", 1.0);
    if (right_ && sigma <= 0) problem("sigma", "allowed is a number above 0");
    if (named_.shape == Shape::kNormal) return Normal{mu, sigma};
    return LogNormal{mu, sigma};
  }

  AnyShape beta() {
    const double a = number("a", 1.0), b = number("b", 1.0);
    if (right_ && a <= 0) problem("a", "allowed is a number above 0");
    if (right_ && b <= 0) problem("b", "allowed is a number above 0");
    const ParameterSchema& schema = *draft_.schema;
    if (schema.minimum && *schema.minimum >= 1) {
      right_ = false;
      context_.problem(node_.place, draft_.parameter.name + " has " + named_.name +
                                        ", which gives values from 0 to 1; allowed is " +
                                        schema.allowed() + " (" + schema.meaning + ")");
    }
    return Beta{a, b};
  }

  AnyShape between() {
    double low = number("min", std::nullopt), high = number("max", std::nullopt);
    if (!right_) return Uniform{};
    if (low >= high && (named_.shape != Shape::kInt || low > high)) {
      problem("min", "it is not below max, " + format_number(high));
      return Uniform{};
    }
    if (named_.shape == Shape::kInt) return whole();
    if (named_.shape == Shape::kValues && low <= 0) {
      problem("min", "a log scale has no zero and nothing below it; give a number above 0");
      return Uniform{};
    }
    if (named_.shape == Shape::kExponents || named_.shape == Shape::kInverseExponents) {
      note_exponents(low, high);
      const bool inverse = named_.shape == Shape::kInverseExponents;
      const double first = std::exp(inverse ? -high : low);
      high = std::exp(inverse ? -low : high);
      low = first;
    }
    check_limits(low, high);
    if (named_.shape == Shape::kUniform) return Uniform{low, high};
    return LogUniform{low, high};
  }

  AnyShape whole() {
    for (const char* key : {"min", "max"}) {
      if (!node_.find(key)->scalar.is_number_integer()) {
        problem(key, "int_uniform takes whole numbers");
      }
    }
    if (!right_) return IntUniform{};
    const IntUniform shape{node_.find("min")->scalar.get<std::int64_t>(),
                           node_.find("max")->scalar.get<std::int64_t>()};
    check_limits(static_cast<double>(shape.low), static_cast<double>(shape.high));
    return shape;
  }

  // 1e-5 and 1e-1 as exponents are the values 1.00001 and 1.105, which nobody means.
  void note_exponents(double low, double high) {
    if (low <= 0 || high > 1) return;
    context_.sweep.notices.push_back(
        node_.place.text() + ": " + draft_.parameter.name + " has " + named_.name +
        ", which takes exponents of e: values from " + format_number(std::exp(low)) + " to " +
        format_number(std::exp(high)) + "; " + named_.name + "_values takes values");
  }

  // Of a parameter that is to be above 0, a uniform distribution may begin there: it is not drawn.
  bool is_open_at(double low) const {
    return low == 0 && named_.shape == Shape::kUniform && !named_.rounds &&
           *draft_.schema->minimum < 1;
  }

  void check_limits(double low, double high) {
    const ParameterSchema& schema = *draft_.schema;
    if ((schema.minimum && low < *schema.minimum && !is_open_at(low)) || !std::isfinite(low)) {
      problem("min", "allowed is " + schema.allowed() + " (" + schema.meaning + ")");
    }
    if ((schema.maximum && high > *schema.maximum) || !std::isfinite(high)) {
      problem("max", "allowed is " + schema.allowed() + " (" + schema.meaning + ")");
    }
  }

  void check_whole(const Distribution& distribution) {
    if (draft_.schema->type != ParameterType::kInteger) return;
    const bool whole = named_.shape == Shape::kInt ||
                       (named_.rounds && distribution.quantum == std::floor(distribution.quantum));
    if (whole) return;
    right_ = false;
    context_.problem(node_.place, draft_.parameter.name + " takes whole numbers, and " +
                                      named_.name +
                                      " gives others; take int_uniform, or a q_ distribution "
                                      "with a whole q");
  }

  ReadContext& context_;
  const Draft& draft_;
  const YamlNode& node_;
  const Named& named_;
  bool right_ = true;
};

bool both_whole(const YamlNode& node) {
  const YamlNode* low = node.find("min");
  const YamlNode* high = node.find("max");
  return low != nullptr && high != nullptr && low->scalar.is_number_integer() &&
         high->scalar.is_number_integer();
}

// The distribution that is meant: by name, or int_uniform and uniform for min and max alone.
const Named* named_or_meant(ReadContext& context, const Draft& draft, const YamlNode& node) {
  const std::string& parameter = draft.parameter.name;
  const YamlNode* written = node.find("distribution");
  const std::string name = written != nullptr ? read_text(context, "distribution", *written)
                           : both_whole(node) ? "int_uniform"
                                              : "uniform";
  if (written == nullptr && node.find("min") == nullptr && node.find("max") == nullptr) {
    context.problem(node.place, parameter +
                                    " has no value; give `value`, `values`, `expression`, or "
                                    "`min` and `max`");
    return nullptr;
  }
  if (name.empty()) return nullptr;
  for (const Named& named : kNamed) {
    if (named.name == name) return &named;
  }
  context.problem(written->place, parameter + " has the distribution " + name + " and no " +
                                      (name == "constant" ? "`value`" : "`values`"));
  return nullptr;
}

// What other programs call a distribution; empty: nothing is known.
std::string distribution_elsewhere(const std::string& name) {
  static const std::map<std::string, const char*> names = {{"loguniform", "log_uniform_values"},
                                                           {"qloguniform", "q_log_uniform_values"},
                                                           {"log_int", "q_log_uniform_values"},
                                                           {"lognormal", "log_normal"},
                                                           {"gaussian", "normal"},
                                                           {"int", "int_uniform"},
                                                           {"integer", "int_uniform"},
                                                           {"randint", "int_uniform"},
                                                           {"float", "uniform"},
                                                           {"choice", "categorical"},
                                                           {"choices", "categorical"},
                                                           {"fixed", "constant"}};
  const auto found = names.find(name);
  return found == names.end() ? "" : found->second;
}

// Of several that begin alike none is likelier: 'log' may be any of three.
std::string hint_of_distribution(const std::string& name, const std::vector<std::string>& known) {
  const std::string meant = distribution_elsewhere(name);
  if (!meant.empty()) return " Did you mean '" + meant + "'?";
  if (nearest(name, known)) return did_you_mean(name, known);
  std::vector<std::string> alike;
  for (const std::string& other : known) {
    if (name.size() >= 3 && other.starts_with(name)) alike.push_back("'" + other + "'");
  }
  if (alike.size() < 2) return did_you_mean(name, known);
  const std::string last = alike.back();
  alike.pop_back();
  return " Did you mean " + join(alike, ", ") + " or " + last + "?";
}

}  // namespace

bool distribution_is_known(ReadContext& context, const YamlNode& node) {
  const YamlNode* written = node.find("distribution");
  if (written == nullptr || !written->is_text()) return true;
  const auto name = written->scalar.get<std::string>();
  const std::vector<std::string> known = names();
  // As W&B's own client writes it, beside `probabilities`.
  if (name == "categorical_w_probabilities") return true;
  if (std::find(known.begin(), known.end(), name) != known.end()) return true;
  context.problem(written->place, "unknown distribution '" + name + "'." +
                                      hint_of_distribution(name, known) +
                                      " Known: " + join(known, ", "));
  return false;
}

void check_distribution_of_values(ReadContext& context, const Draft& draft, const YamlNode& node) {
  const YamlNode* written = node.find("distribution");
  if (written == nullptr) return;
  const bool single = node.find("values") == nullptr;
  const std::string name = read_text(context, "distribution", *written);
  if (name.empty() || name == (single ? "constant" : "categorical")) return;
  if (name == "categorical_w_probabilities" && node.find("probabilities") != nullptr) return;
  context.problem(written->place, draft.parameter.name + " has " + (single ? "a value" : "values") +
                                      " and the distribution '" + name + "'; allowed with it is " +
                                      (single ? "constant" : "categorical"));
}

void note_ends(Draft& draft, const YamlNode& node) {
  const auto place_at = [&](const char* key) {
    const YamlNode* end = node.find(key);
    return end == nullptr ? node.place : end->place;
  };
  draft.parameter.lowest_place = place_at("min");
  draft.parameter.highest_place = place_at("max");
}

std::optional<Distribution> read_distribution(ReadContext& context, const Draft& draft,
                                              const YamlNode& node) {
  const Named* named = named_or_meant(context, draft, node);
  if (named == nullptr) return std::nullopt;
  const ParameterSchema* schema = draft.schema;
  const bool numeric = schema != nullptr && (schema->type == ParameterType::kInteger ||
                                             schema->type == ParameterType::kNumber);
  if (!numeric) {
    context.problem(node.place, draft.parameter.name +
                                    " is no number and has no distribution; give `value` or "
                                    "`values`");
    return std::nullopt;
  }
  return DistributionReader(context, draft, node, *named).read();
}

}  // namespace plateau
