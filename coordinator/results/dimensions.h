// What a table can be laid out by, filtered by and sorted by: the names and values of a trial.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/spec/shared_trial.h"
#include "coordinator/store/results_view.h"

namespace plateau::results {

// Settings that change a number, by their path in the trial's JSON ("optimizer.learning_rate"), as
// text; without base, task, method, rank and seed.
using Flat = std::map<std::string, std::string>;

// Reads the settings of many trials, of each part that they share once. The parts must outlive it.
class SettingsReader {
 public:
  // Of the adapter, base, optimizer, protocol and task: in this order they are sorted by path.
  std::array<const Flat*, 5> of(const SharedTrial& trial);

 private:
  std::map<const void*, Flat> known_;
};

// The value of a dimension: base, task, adapter, rank, seed, or a setting by its path or by its
// last part ("learning_rate"). nullopt: this trial has no such thing (LoReFT has no alpha).
std::optional<std::string> dimension_of(const SharedTrial& trial, const std::string& name);

// 2 before 16, "a" before "b"; numbers by value: 1e-3 equals 0.001.
bool value_less(const std::string& a, const std::string& b);
bool value_equal(const std::string& a, const std::string& b);

// Dimension -> the values that are wanted of it.
using Filters = std::map<std::string, std::vector<std::string>>;
// "rank=4,16" into filters. kInvalidArgument without a name, "=" or value.
Status add_filter(const std::string& text, Filters& filters);
// The trials that pass every filter. A baseline passes what it does not have (a rank, an alpha); an
// adapter does not. kInvalidArgument: a name or value that no trial has, with those there are;
// or nothing left.
Result<RunView> filtered(const RunView& run, const Filters& filters);

}  // namespace plateau::results
