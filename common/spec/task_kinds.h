// What a task can be, and what each kind is measured with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plateau {

inline constexpr char kCausalLm[] = "causal_lm";

// classification, regression, causal_lm.
const std::vector<std::string>& task_kinds();
// The metrics of a kind, its default first; none for an unknown kind.
std::vector<std::string> metrics_of_kind(std::string_view kind);
// What is measured on a task of the kind: those, and the loss.
std::vector<std::string> measured_of_kind(std::string_view kind);
// Those of all kinds.
std::vector<std::string> task_metrics();
// Losses and perplexity; also for names that no task has ("error", "eval_loss").
bool lower_is_better(std::string_view metric);

}  // namespace plateau
