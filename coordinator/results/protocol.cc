#include "coordinator/results/protocol.h"

#include <map>
#include <set>

#include "common/base/text.h"

namespace plateau::results {

std::string checkpoint_rule(const ProtocolSpec& protocol) {
  const std::string rule = protocol.checkpoint == "best"
                               ? "test metric of the best of " +
                                     std::to_string(protocol.evaluations) +
                                     " checkpoints on the validation split"
                               : "test metric of the last checkpoint";
  return rule + ", " + protocol.precision;
}

std::string rows_of(const TaskSpec& spec) {
  const auto rows = [](std::int64_t count) {
    return count == 0 ? std::string("all") : format_count(count);
  };
  return rows(spec.train_size) + " / " + rows(spec.validation_size) + " / " + rows(spec.test_size) +
         " rows for training / validation / test (split seed " + std::to_string(spec.split_seed) +
         "), texts cut at " + std::to_string(spec.max_length) + " tokens";
}

void describe_protocols(Summary& summary) {
  const auto describe = [&](Cell& cell) {
    cell.protocol = checkpoint_rule(*cell.example.protocol) + ", " + rows_of(*cell.example.task);
    if (summary.split != "test") cell.protocol = summary.split + " split, " + cell.protocol;
    if (!cell.selected.empty()) {
      cell.protocol += ", " + join(summary.selection->over, " and ") + " chosen on validation";
    }
  };
  for (Cell& cell : summary.cells)
    describe(cell);
  for (Cell& cell : summary.not_selected)
    describe(cell);
}

std::vector<std::string> mixed_protocols(const Summary& summary) {
  std::map<std::pair<std::string, std::string>, std::set<std::string>> of_column;
  for (const Cell& cell : summary.cells) {
    if (!cell.is_baseline) of_column[{cell.base, cell.task}].insert(cell.protocol);
  }
  std::set<std::string> mixed;
  for (const auto& [column, protocols] : of_column) {
    if (protocols.size() > 1) mixed.insert(protocols.begin(), protocols.end());
  }
  return {mixed.begin(), mixed.end()};
}

}  // namespace plateau::results
