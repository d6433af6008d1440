// Labels: what a file says about an item becomes a class index or a value to regress on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/spec/trial.h"

namespace plateau::trainer {

struct Label {
  std::int64_t index = 0;  // classification: into TaskSpec::labels
  double target = 0;       // regression
};

// Reads labels of one task. Classification: a class's name, or its index when no class is named by
// a number ("0", "1", ... as in GLUE's files; true and false count as 1 and 0). Regression: a
// finite number.
class LabelReader {
 public:
  // kInvalidArgument: no classes, one class, a class named twice or without a name, classes where
  // there is no classification. Language modelling has no labels to read.
  static Result<LabelReader> create(const TaskSpec& task);

  // `where` is "file:line". kInvalidArgument names it, the label and what is allowed.
  Result<Label> read_text(std::string_view text, const std::string& where) const;
  Result<Label> read_json(const nlohmann::json& value, const std::string& where) const;

  bool is_regression() const { return is_regression_; }

 private:
  bool is_regression_ = false;
  bool has_numeric_name_ = false;
  std::vector<std::string> names_;
};

// Every class must occur in the data: a class without a row is a misspelling or the wrong file.
// `counts` are rows per class. kInvalidArgument names the class and `source`.
Status check_every_class_occurs(const TaskSpec& task, const std::vector<std::int64_t>& counts,
                                const std::string& source);

}  // namespace plateau::trainer
