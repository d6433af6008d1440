// How a metric is read and printed: its name in a header, its factor, which end is the good one.
#pragma once

#include <string>
#include <string_view>

namespace plateau::results {

struct MetricStyle {
  std::string name;              // "accuracy"
  double factor = 1.0;           // what is printed = factor * what is stored
  std::string unit;              // "%", "×100" or empty: printed after the name, in brackets
  bool higher_is_better = true;  // false for losses and perplexity
  int decimals = 3;              // of means and spreads in tables
};

// Accuracy and F1 are printed in per cent, correlations times 100, anything else as it is. Unknown
// names are taken as "higher is better" unless they end in "loss", "error" or "perplexity".
MetricStyle metric_style(std::string_view name);

// "accuracy (%) ↑"
std::string metric_header(const MetricStyle& style);

// A number with exactly `decimals` digits after the point, "." whatever the locale, never "-0.0".
std::string format_fixed(double value, int decimals);

// 1234567 -> "1,234,567"
std::string format_count(long long count);

// A learning rate as people write it: 0.003 -> "3e-3", 0.00025 -> "2.5e-4", 1 -> "1".
std::string format_rate(double rate);

}  // namespace plateau::results
