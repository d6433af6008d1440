#include <cstdio>

#include "coordinator/cli/commands.h"

namespace plateau::cli {

void CommandContext::print(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void CommandContext::fail(const Error& error) {
  std::fprintf(stderr, "plateau: %s\n", error.message.c_str());
  exit_code = plateau::exit_code(error.kind);
}

}  // namespace plateau::cli
