// A sweep's parameters as a space to search in, and a point of it as a sweep of one cell.
//
// A dimension is a parameter's definition (general, or for one adapter, task or base) with a
// distribution or several values, or a zip group; not the seed, whose values are replicates of
// every cell. It exists where that definition holds: by scope, by what the adapter has, and by
// `when`.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/spec/sweep.h"
#include "coordinator/search/space.h"

namespace plateau::search {

class SweepSpace {
 public:
  // Keeps a copy of the sweep. kInvalidArgument: it has nothing to search over.
  static Result<SweepSpace> of(const Sweep& sweep);

  const Space& space() const { return space_; }

  // The sweep with the point's values alone, as a grid without a cap: expand() gives the trials of
  // one cell, or what is wrong with it (a rank above a matrix's size).
  Sweep at(const Point& point) const;

  // For people and programs: {"adapter": "lora", "lora.rank": 8}; what does not exist is not there.
  nlohmann::json values(const Point& point) const;

  // Equal for two sweeps whose points mean the same.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  struct Definitions;  // shared with the dimensions' `exists`

  std::shared_ptr<const Definitions> definitions_;
  Space space_;
  std::string fingerprint_;
};

// A point as it is stored: a list of numbers and nulls. nullopt: not a point of the space.
nlohmann::json to_json(const Point& point);
std::optional<Point> point_from_json(const Space& space, const nlohmann::json& json);

}  // namespace plateau::search
