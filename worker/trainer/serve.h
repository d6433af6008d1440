// `plateau-trainer serve`: framed messages on standard input and output (common/spec/pipe.h).
#pragma once

#include <string>

namespace plateau::trainer {

// Serves until "stop" (returns 0) or a frame that is none of ours (returns 4). End of file on
// standard input ends the process at once, from whatever it does: the agent is gone.
int serve(const std::string& device, const std::string& version);

}  // namespace plateau::trainer
