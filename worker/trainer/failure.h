// The one seam where LibTorch's exceptions become values.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace plateau::trainer {

// A failure as the runner understands it: out_of_memory | diverged | bad_configuration | crashed |
// node_fault, and why.
struct Failure {
  std::string kind;
  std::string message;
};

Failure failure_of(const Error& error);

// Runs `work` and turns its error, or whatever it throws, into a Failure; nullopt when it succeeds.
std::optional<Failure> guarded(const std::function<Status()>& work);

}  // namespace plateau::trainer
