#include "worker/trainer/adapters/registry.h"

#include <array>

#include "common/base/text.h"
#include "worker/trainer/adapters/dora.h"
#include "worker/trainer/adapters/lora.h"
#include "worker/trainer/adapters/loreft.h"

namespace plateau::trainer {
namespace {

struct Method {
  const char* name;
  Result<std::unique_ptr<Adapter>> (*make)(const AdapterRequest& request);
};

// One line a method.
constexpr std::array kMethods = {
    Method{"lora", make_lora},
    Method{"dora", make_dora},
    Method{"loreft", make_loreft},
};

}  // namespace

std::vector<std::string> adapter_methods() {
  std::vector<std::string> names;
  for (const Method& method : kMethods)
    names.emplace_back(method.name);
  return names;
}

Result<std::unique_ptr<Adapter>> make_adapter(const std::string& method,
                                              const AdapterRequest& request) {
  for (const Method& known : kMethods) {
    if (method == known.name) return known.make(request);
  }
  return invalid_argument("the method '" + method + "' is not known to this trainer; known: " +
                          join(adapter_methods(), ", "));
}

}  // namespace plateau::trainer
