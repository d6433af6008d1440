#include "worker/trainer/adapters/registry.h"

#include <array>

#include "common/base/text.h"
#include "worker/trainer/adapters/bottleneck.h"
#include "worker/trainer/adapters/dora.h"
#include "worker/trainer/adapters/ia3.h"
#include "worker/trainer/adapters/lora.h"
#include "worker/trainer/adapters/loreft.h"
#include "worker/trainer/adapters/prefix.h"
#include "worker/trainer/adapters/prompt.h"
#include "worker/trainer/adapters/selective.h"

namespace plateau::trainer {
namespace {

struct Method {
  const char* name;
  Result<std::unique_ptr<Adapter>> (*make)(const AdapterRequest& request);
};

// One line a method.
constexpr std::array kMethods = {
    Method{"lora", make_lora},
    Method{"qlora", make_qlora},
    Method{"dora", make_dora},
    Method{"loreft", make_loreft},
    Method{"noreft", make_noreft},
    Method{"direft", make_direft},
    Method{"ia3", make_ia3},
    Method{"houlsby", make_houlsby},
    Method{"pfeiffer", make_pfeiffer},
    Method{"prompt", make_prompt},
    Method{"prefix", make_prefix},
    Method{"bitfit", make_bitfit},
    Method{"layer_norm", make_layer_norm},
    Method{"last_layers", make_last_layers},
    Method{"full", make_full},
    Method{"none", make_none},
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
