// plateau-worker's command line.
#pragma once

#include <string>
#include <variant>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace plateau::agent {

struct WorkerOptions {
  std::string connect;           // tcp://HOST:PORT or ipc:///PATH
  std::string name;              // empty: the host's name
  std::string devices = "auto";  // devices.h
  std::int64_t pack = 4;         // most trials side by side on a slot
  std::int64_t threads = 0;      // of a trainer on the CPU; 0: all that the process may use
  std::string trainer;           // empty: plateau-trainer beside this program
  std::string catalogue;         // a file on top of the built-in one; empty: none
  std::string folder;            // spool, attempts and logs; empty: a default by name
  std::string key;               // file with the worker's key; empty: PLATEAU_KEY_FILE's, or none
  bool insecure = false;         // no key, although the coordinator is on another host
  DurationMs heartbeat_ms = 500;
  DurationMs grace_ms = 30'000;
  DurationMs give_up_ms = 600'000;
  DurationMs hang_after_ms = 300'000;
  DurationMs until_ms = 0;  // 0: no end
};

// "90", "90s", "15m", "2h", "1h30m", "1d". kInvalidArgument.
Result<DurationMs> parse_duration(const std::string& text);

// What to do after the command line was read: go on, or print and end (--help, --version, errors).
struct PrintAndEnd {
  std::string text;
  int exit_code = 0;
};
std::variant<WorkerOptions, PrintAndEnd> parse_options(int argc, const char* const* argv);

}  // namespace plateau::agent
