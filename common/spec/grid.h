// Inside of expand(): the cells of a grid, as values by parameter name.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/spec/fields.h"
#include "common/spec/sweep.h"

namespace plateau {

struct Assigned {
  nlohmann::json value;
  const TrialField* field = nullptr;     // nullptr: the adapter's own, or a base, task or adapter
  std::shared_ptr<const Origin> origin;  // nullptr: nobody gave the seed
};

struct Cell {
  const std::map<std::string, const Assigned*>& values;  // without the seed
  const Origins& origins;                                // of these
  const std::vector<Assigned>& seeds;                    // at least one
};

// Shows every cell to `take`, in the order of the file: base, task and adapter vary slowest, then
// the parameters in the order they are written. A parameter exists where its `when` holds and where
// the adapter has it; a definition for the cell's adapter goes before one for its task, its base,
// and the general one. Adds problems; then the list may be short. Adds a notice for each `when`
// that takes its parameter out of some cells.
void grid_cells(const Sweep& sweep, std::vector<Problem>& problems,
                std::vector<std::string>& notices, const std::function<void(const Cell&)>& take);

// So many trials at most, without looking at `when`.
double most_trials(const Sweep& sweep);

// Parameters whose expressions or conditions depend on themselves: one entry a circle.
struct Circle {
  Problem problem;
  std::vector<std::string> names;
};
std::vector<Circle> find_circles(const Sweep& sweep);

// One trial for each baseline and each different data (and base, where the baseline reads it) of
// `trials`.
std::vector<PlannedTrial> plan_baselines(const Sweep& sweep,
                                         const std::vector<PlannedTrial>& trials);

}  // namespace plateau
