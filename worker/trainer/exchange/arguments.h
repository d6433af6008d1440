// The command line that `plateau-trainer export` and `plateau-trainer predict` share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "worker/trainer/exchange/trained.h"

namespace plateau::trainer {

struct ExchangeArguments {
  std::filesystem::path adapter;
  std::filesystem::path base;
  std::filesystem::path out;        // export
  std::string format;               // export
  std::vector<std::string> labels;  // export: names of the classes, in order
  std::string positions;            // of a folder of pyreft's, which does not store them
  std::string pooling = "cls";      // as transformers; a trial says its own
  std::string precision = "float32";
  std::string quantization = "none";  // nf4: the base of a trial that was trained so
  std::string device = "cpu";
};

// ADAPTER and --option VALUE pairs. kInvalidArgument: an unknown option or one without a value,
// another number of adapters than one, no --base. `usage` ends the message.
Result<ExchangeArguments> parse_exchange(const std::vector<std::string>& words,
                                         const std::string& usage);

// The base that the arguments name.
Result<std::shared_ptr<const Model>> load_base(const ExchangeArguments& arguments);

}  // namespace plateau::trainer
