#include "coordinator/results/metric.h"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "common/base/text.h"
#include "common/spec/task_kinds.h"

namespace plateau::results {
namespace {

constexpr std::array<std::string_view, 2> kShares{"accuracy", "f1"};
constexpr std::array<std::string_view, 3> kCorrelations{"matthews", "pearson", "spearman"};

}  // namespace

MetricStyle metric_style(std::string_view name) {
  MetricStyle style;
  style.name = std::string(name);
  for (std::string_view share : kShares) {
    if (name == share) {
      style.factor = 100.0;
      style.unit = "%";
      style.decimals = 1;
    }
  }
  for (std::string_view correlation : kCorrelations) {
    if (name == correlation) {
      style.factor = 100.0;
      style.unit = "×100";
      style.decimals = 1;
    }
  }
  style.higher_is_better = !lower_is_better(name);
  return style;
}

std::string metric_header(const MetricStyle& style) {
  return style.name + (style.unit.empty() ? "" : " (" + style.unit + ")") +
         (style.higher_is_better ? " ↑" : " ↓");
}

std::string format_fixed(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", value, decimals);
  const bool is_zero = text.find_first_of("123456789") == std::string::npos;
  if (is_zero && text.front() == '-') text.erase(0, 1);
  return text;
}

std::string format_count(long long count) {
  std::string digits = std::to_string(count < 0 ? -count : count);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return (count < 0 ? "-" : "") + digits;
}

std::string format_rate(double rate) {
  if (!(rate > 0.0) || rate >= 1.0) return format_number(rate);
  // The shortest digits of the number itself, moved behind one leading digit.
  const std::string scientific = fmt::format("{:e}", rate);
  int exponent = std::stoi(scientific.substr(scientific.find('e') + 1));
  for (int digits = 0; digits <= 16; ++digits) {
    const std::string mantissa = fmt::format("{:.{}e}", rate, digits);
    if (std::stod(mantissa) == rate) {
      exponent = std::stoi(mantissa.substr(mantissa.find('e') + 1));
      return mantissa.substr(0, mantissa.find('e')) + "e" + std::to_string(exponent);
    }
  }
  return format_number(rate);
}

}  // namespace plateau::results
