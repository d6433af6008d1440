// Runs one of the embedded scripts with python3.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace plateau {

struct PythonResult {
  int exit_code = 0;      // 128 + signal when it was killed
  std::string last_line;  // of what it wrote
};

// Blocks until it ends. Standard output and error go to `on_line` line by line. kIo: python3 is
// missing or cannot be started.
Result<PythonResult> run_python(const char* script, const std::vector<std::string>& arguments,
                                const std::function<void(const std::string&)>& on_line);

}  // namespace plateau
