// The options that `run` and `coordinator` have in common.
#pragma once

#include "coordinator/cli/sweep_session.h"

namespace plateau::cli {

void add_session_options(CLI::App& command, SessionOptions& options);

}  // namespace plateau::cli
