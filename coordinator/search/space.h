// What a search chooses from, in its own coordinates: the unit cube, or one level of a few.
//
// A learning rate from 1e-5 to 1e-2 on a log scale, a normal and a uniform parameter are all
// `Continuous` here: their place is the share of the prior's mass below the value (its quantile),
// so that every prior is uniform. Whoever makes the space translates back (common/spec).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/random.h"

namespace plateau::search {

// A coordinate in [0, 1).
struct Continuous {};

// Levels 0, 1, ... that have an order: ranks 1, 2, 4, 8. Level k takes the places from upper[k - 1]
// (0 for the first) to upper[k]; the last is 1. Rising; at least one.
struct Ordered {
  std::vector<double> upper;
};

// Levels 0, 1, ... without an order: adapters. Prior probabilities, positive, adding up to 1.
struct Categorical {
  std::vector<double> probabilities;
};

// One entry a dimension: a coordinate (Continuous) or a level; nullopt where it does not exist.
using Point = std::vector<std::optional<double>>;

struct Dimension {
  std::string name;
  std::variant<Continuous, Ordered, Categorical> kind;
  // Whether it exists where the dimensions before it have these values; it reads no others. Empty:
  // always. Pure.
  std::function<bool(const Point&)> exists;
};

struct Space {
  std::vector<Dimension> dimensions;
};

Ordered evenly(std::size_t levels);  // of equal mass
Categorical equally_likely(std::size_t levels);

// 0 for Continuous.
std::size_t level_count(const Dimension& dimension);

// The place of a value in [0, 1): a level's is the middle of its own.
double place_of(const Dimension& dimension, double value);

// The value at a place in [0, 1), by the prior.
double value_at(const Dimension& dimension, double place);

// The point at a place of the unit cube, one number in [0, 1) a dimension; those of dimensions that
// do not exist are passed over.
Point point_at(const Space& space, const std::vector<double>& cube);

// By the prior.
Point random_point(const Space& space, Random& random);

// How many points there are, if every dimension has levels and they are not more than `limit`;
// nullopt: more, or endlessly many. Visits them.
std::optional<std::size_t> count_points(const Space& space, std::size_t limit);

}  // namespace plateau::search
