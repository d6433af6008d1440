// CHECK: for broken invariants only. Always on; prints where and what, then aborts.
// Expected failures are a Result (result.h); LibTorch's exceptions are caught at one seam.
#pragma once

#include <string_view>

namespace plateau {

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               std::string_view message);

}  // namespace plateau

#define PLATEAU_CHECK(condition, message)                                 \
  do {                                                                    \
    if (!(condition)) [[unlikely]] {                                      \
      ::plateau::check_failed(__FILE__, __LINE__, #condition, (message)); \
    }                                                                     \
  } while (false)
