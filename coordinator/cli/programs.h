// The programs beside this one that a command starts or becomes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace plateau::cli {

// `name` beside this program, or where `given` says. kNotFound; `option` is what gives another
// place: "--worker-program".
Result<std::filesystem::path> find_program(const std::string& name,
                                           const std::filesystem::path& given,
                                           const std::string& option);

// Replaces this process by the program. Returns only when that failed, with the reason.
Error become_program(const std::filesystem::path& program,
                     const std::vector<std::string>& arguments);

}  // namespace plateau::cli
