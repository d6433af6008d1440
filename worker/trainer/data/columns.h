// Which column holds what: named by the task, or found by the usual names.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/spec/trial.h"

namespace plateau::trainer {

struct Columns {
  std::string text;                      // or the prompt; empty when the rows bring token ids
  std::optional<std::string> text_pair;  // or the completion
  std::optional<std::string> label;      // none: language modelling
  std::optional<std::string> id;         // none: the line number
  bool has_token_ids = false;  // column "input_ids", and "token_type_ids" or "labels" if there
};

// TaskSpec::columns may name text, text_pair, label and id. Without a text: `input_ids`, else
// `sentence`, else `sentence1` with `sentence2`, else `text`. Language modelling has text alone, or
// prompt and completion (found by those names, or named), and no label. kInvalidArgument names the
// file, the missing column, those that are there, and the nearest.
Result<Columns> resolve_columns(const TaskSpec& task, const std::vector<std::string>& present,
                                const std::filesystem::path& file);

}  // namespace plateau::trainer
