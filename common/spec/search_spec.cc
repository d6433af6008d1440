#include "common/spec/search_spec.h"

namespace plateau {
namespace {

struct FirstLook {
  std::optional<std::int64_t> operator()(std::monostate) const { return std::nullopt; }
  std::optional<std::int64_t> operator()(const Hyperband& rule) const {
    if (!rule.max_iter) return rule.min_iter;
    // Brackets from above, of which the lowest comes first.
    double at = static_cast<double>(*rule.max_iter);
    for (std::int64_t k = 0; k < rule.brackets && at / rule.eta >= 1; ++k)
      at /= rule.eta;
    if (at >= static_cast<double>(*rule.max_iter)) return std::nullopt;
    return static_cast<std::int64_t>(at);
  }
  std::optional<std::int64_t> operator()(const Asha& rule) const {
    if (rule.max_iter && *rule.max_iter <= rule.min_iter) return std::nullopt;
    return rule.min_iter;
  }
  std::optional<std::int64_t> operator()(const MedianStopping& rule) const { return rule.min_iter; }
  // The first evaluation is the best until then.
  std::optional<std::int64_t> operator()(const Patience& rule) const { return rule.iterations + 1; }
};

}  // namespace

std::optional<std::int64_t> first_look(const EarlyTerminate& rule) {
  return std::visit(FirstLook{}, rule);
}

}  // namespace plateau
