// Where a search draws a parameter from: W&B's distributions, each under one of six shapes.
//
//   int_uniform                                -> IntUniform
//   uniform, q_uniform                         -> Uniform
//   (q_)log_uniform: exponents of e            -> LogUniform of exp(min), exp(max)
//   (q_)log_uniform_values                     -> LogUniform
//   inv_log_uniform: log(1/x) is uniform       -> LogUniform of exp(-max), exp(-min)
//   inv_log_uniform_values                     -> LogUniform
//   normal, q_normal                           -> Normal
//   log_normal, q_log_normal                   -> LogNormal
//   beta, q_beta                               -> Beta
//
// q: the draw is rounded to the nearest multiple of it. `constant` and `categorical` are values of
// a SweepParameter, not distributions. Pure; the randomness is the caller's u.
#pragma once

#include <cstdint>
#include <limits>
#include <variant>

namespace plateau {

struct IntUniform {
  std::int64_t low = 0, high = 0;  // both can be drawn; low <= high
};
struct Uniform {
  double low = 0, high = 1;  // low < high
};
struct LogUniform {
  double low = 1, high = 2;  // values, not exponents; 0 < low < high
};
struct Normal {
  double mu = 0, sigma = 1;  // sigma > 0
};
struct LogNormal {
  double mu = 0, sigma = 1;  // of the natural logarithm; sigma > 0
};

struct Beta {
  double a = 1, b = 1;  // above 0; values lie between 0 and 1
};

struct Distribution {
  std::variant<IntUniform, Uniform, LogUniform, Normal, LogNormal, Beta> shape;
  double quantum = 0;  // q; 0: not rounded
  // What the parameter allows; what is drawn beyond is taken to the limit (tails of a normal).
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
};

// The value below which a share `u` of the draws lies, rounded and limited: uniform u in (0, 1)
// give the distribution. IntUniform gives whole numbers.
double value_at(const Distribution& distribution, double u);

// The inverse, before rounding: in [0, 1]. The middle of its share for a whole number.
double share_below(const Distribution& distribution, double value);

}  // namespace plateau
