#include "worker/trainer/exchange/arguments.h"

#include <optional>

namespace plateau::trainer {
namespace {

Status set(ExchangeArguments& arguments, const std::string& option, const std::string& value) {
  if (option == "--base") {
    arguments.base = value;
  } else if (option == "--out") {
    arguments.out = value;
  } else if (option == "--format") {
    arguments.format = value;
  } else if (option == "--label") {
    arguments.labels.push_back(value);
  } else if (option == "--pooling") {
    arguments.pooling = value;
  } else if (option == "--positions") {
    arguments.positions = value;
  } else if (option == "--precision") {
    arguments.precision = value;
  } else if (option == "--quantization") {
    arguments.quantization = value;
  } else if (option == "--device") {
    arguments.device = value;
  } else {
    return invalid_argument("unknown option " + option);
  }
  return {};
}

std::optional<Pooling> pooling_named(const std::string& name) {
  if (name == "cls") return Pooling::kCls;
  if (name == "mean") return Pooling::kMean;
  if (name == "tokens") return Pooling::kTokens;
  return std::nullopt;
}

}  // namespace

Result<ExchangeArguments> parse_exchange(const std::vector<std::string>& words,
                                         const std::string& usage) {
  ExchangeArguments arguments;
  const auto fail = [&](const std::string& message) {
    return invalid_argument(message + "; usage: " + usage);
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with("--")) {
      if (!arguments.adapter.empty()) return fail("one adapter folder is needed, not also " + word);
      arguments.adapter = word;
      continue;
    }
    if (i + 1 == words.size()) return fail(word + " needs a value");
    if (Status status = set(arguments, word, words[++i]); !status)
      return fail(status.error().message);
  }
  if (arguments.adapter.empty()) return fail("the folder of an adapter is needed");
  if (arguments.base.empty()) return fail("--base is needed: the folder of the adapter's base");
  if (!pooling_named(arguments.pooling))
    return fail("--pooling is cls, mean or tokens, not '" + arguments.pooling + "'");
  if (arguments.quantization != "none" && arguments.quantization != "nf4")
    return fail("--quantization is none or nf4, not '" + arguments.quantization + "'");
  return arguments;
}

Result<std::shared_ptr<const Model>> load_base(const ExchangeArguments& arguments) {
  const auto dtype = dtype_of_precision(arguments.precision);
  if (!dtype) return dtype.error();
  // An adapter may bring matrices of its own, for which a GGUF base must be numbers.
  return load_model(arguments.base,
                    {pooling_named(arguments.pooling).value_or(Pooling::kCls),
                     at::TensorOptions().dtype(*dtype).device(arguments.device),
                     arguments.quantization == "nf4" ? Storage::kNf4 : Storage::kNumbers});
}

}  // namespace plateau::trainer
