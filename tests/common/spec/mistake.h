// A mistake in a sweep file and its whole message, for tables of them.
#pragma once

#include <string>
#include <vector>

#include "common/base/text.h"
#include "common/spec/fields.h"
#include "tests/common/spec/sweep_fixture.h"

namespace plateau::testing {

// The lists grow with every method.
inline std::string adapters() {
  std::vector<std::string> names;
  for (const MethodSchema& method : method_schemas()) {
    if (!method.is_baseline) names.push_back(method.name);
  }
  return join(names, ", ");
}
inline const std::string kAdapters = adapters();
inline const std::string kParameters = join(parameter_names(), ", ");
inline const std::string kDistributions =
    "constant, categorical, int_uniform, uniform, q_uniform, log_uniform, log_uniform_values, "
    "q_log_uniform, q_log_uniform_values, inv_log_uniform, inv_log_uniform_values, normal, "
    "q_normal, log_normal, q_log_normal, beta, q_beta";

struct Mistake {
  const char* name;
  std::string text;
  std::string message;
};

// Line 1 to 3 are kHead; what is added starts in line 4.
inline std::string after_head(const std::string& more) {
  return kHead + more;
}
inline const std::string kRight = "  adapter: lora\n  rank: 4\n";

// A random search, in lines 6 and 7.
inline std::string random_of(const std::string& learning_rate) {
  return after_head(kRight) + "method: random\nrun_cap: 10\n" +
         "adapters: {lora: {learning_rate: " + learning_rate + "}}\n";
}

}  // namespace plateau::testing
