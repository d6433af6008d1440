// The PEFT methods that this trainer knows. Names are those of common/spec/methods.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/trainer/adapters/adapter.h"

namespace plateau::trainer {

// kInvalidArgument: no such method, or parameters that do not fit the model.
Result<std::unique_ptr<Adapter>> make_adapter(const std::string& method,
                                              const AdapterRequest& request);

std::vector<std::string> adapter_methods();

}  // namespace plateau::trainer
