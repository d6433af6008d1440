#include "coordinator/cli/programs.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace plateau::cli {
namespace fs = std::filesystem;

Result<fs::path> find_program(const std::string& name, const fs::path& given,
                              const std::string& option) {
  std::error_code error;
  const fs::path path = !given.empty()
                            ? fs::absolute(given)
                            : fs::read_symlink("/proc/self/exe", error).parent_path() / name;
  if (::access(path.c_str(), X_OK) == 0) return path;
  return not_found("The program " + path.string() +
                   " is not there or cannot be run. Build it (./plateau builds everything), or "
                   "say where it is with " +
                   option + " PATH.");
}

Error become_program(const fs::path& program, const std::vector<std::string>& given) {
  std::vector<std::string> texts = given;
  texts.insert(texts.begin(), program.string());
  std::vector<char*> arguments;
  for (std::string& text : texts)
    arguments.push_back(text.data());
  arguments.push_back(nullptr);
  ::execv(arguments.front(), arguments.data());
  return io_error("Starting " + program.string() + " failed: " + std::strerror(errno) + ".");
}

}  // namespace plateau::cli
