#include "worker/trainer/exchange/commands.h"

#include <array>
#include <functional>
#include <istream>
#include <ostream>

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include "common/base/text.h"
#include "worker/trainer/adapters/peft_files.h"
#include "worker/trainer/eval/token_losses.h"
#include "worker/trainer/exchange/adapters_folder.h"
#include "worker/trainer/exchange/arguments.h"
#include "worker/trainer/exchange/model_folder.h"
#include "worker/trainer/exchange/predict_input.h"
#include "worker/trainer/exchange/pyreft_folder.h"

namespace plateau::trainer {
namespace {

constexpr char kExportUsage[] =
    "plateau-trainer export ADAPTER --base FOLDER --format peft|merged|pyreft|adapters --out "
    "FOLDER [--pooling cls|mean|tokens] [--quantization nf4] [--label NAME]... [--positions f1+l1] "
    "[--device DEVICE]";
constexpr char kPredictUsage[] =
    "plateau-trainer predict ADAPTER --base FOLDER [--pooling cls|mean|tokens] [--quantization "
    "nf4] "
    "[--positions f1+l1] [--precision float32|float64|bfloat16] [--device DEVICE]";

struct Source {
  const ExchangeArguments& arguments;
  const Model& model;
  const Trained& trained;
  std::ostream& notes;  // what the user should know of a success
};

Status export_peft(const Source& from) {
  const std::string type = from.trained.adapter->config().at("peft_type");
  for (const char* known : {"LORA", "IA3", "PROMPT_TUNING", "PREFIX_TUNING"}) {
    if (type == known) {
      return save_adapter(from.arguments.out, *from.trained.adapter, from.trained.head,
                          from.arguments.base.string());
    }
  }
  return invalid_argument("PEFT has no method like " + from.trained.spec.method +
                          ", so it could not load the adapter; bottlenecks are exported "
                          "with --format adapters, LoReFT with pyreft, and what this trainer reads "
                          "itself lies in the trial's own adapter/ folder");
}

Status export_merged(const Source& from) {
  const auto note = save_model_folder(from.arguments.out, from.trained, from.model,
                                      from.arguments.base, from.arguments.labels);
  if (!note) return note.error();
  if (!note->empty()) from.notes << "plateau-trainer export: " << *note << std::endl;
  return {};
}

Status export_pyreft(const Source& from) {
  return save_pyreft_folder(from.arguments.out, from.trained, from.model);
}

Status export_adapters(const Source& from) {
  return save_adapters_folder(from.arguments.out, from.trained, from.model);
}

struct Format {
  const char* name;
  Status (*save)(const Source& from);
};

// One line a format.
constexpr std::array kFormats = {
    Format{"peft", export_peft},
    Format{"merged", export_merged},
    Format{"pyreft", export_pyreft},
    Format{"adapters", export_adapters},
};

Result<Format> find_format(const std::string& name) {
  std::vector<std::string> names;
  for (const Format& format : kFormats) {
    if (name == format.name) return format;
    names.emplace_back(format.name);
  }
  return invalid_argument("--format is '" + name + "'; it may be " + join(names, ", "));
}

// Loads what the arguments name and hands it on.
Status with_trained(const ExchangeArguments& arguments, std::ostream& notes,
                    const std::function<Status(const Source&)>& use) {
  try {
    const auto model = load_base(arguments);
    if (!model) return model.error();
    const auto trained =
        load_trained(arguments.adapter, **model, arguments.base, arguments.positions);
    if (!trained) return trained.error();
    return use({arguments, **model, *trained, notes});
  } catch (const c10::Error& failure) {
    return internal_error(failure.what_without_backtrace());
  }
}

int finish(const Status& status, const char* command, std::ostream& err) {
  if (status) return 0;
  err << "plateau-trainer " << command << ": " << status.error().message << std::endl;
  return exit_code(status.error().kind);
}

Status run_export(const std::vector<std::string>& words, std::ostream& notes) {
  const auto arguments = parse_exchange(words, kExportUsage);
  if (!arguments) return arguments.error();
  if (arguments->out.empty())
    return invalid_argument(std::string("--out is needed; usage: ") + kExportUsage);
  const auto format = find_format(arguments->format);
  if (!format) return format.error();
  return with_trained(*arguments, notes, format->save);
}

// Of language modelling: the sum of -log p over each text's tokens, and how many were predicted.
Status print_losses(const Source& from, const Split& split, std::ostream& out) {
  const TokenLosses losses = token_losses(from.model, from.trained.adapter.get(), split);
  for (std::size_t i = 0; i < losses.sums.size(); ++i)
    out << nlohmann::json{losses.sums[i], losses.counts[i]} << "\n";
  return {};
}

Status run_predict(const std::vector<std::string>& words, std::istream& in, std::ostream& out,
                   std::ostream& notes) {
  const auto arguments = parse_exchange(words, kPredictUsage);
  if (!arguments) return arguments.error();
  return with_trained(*arguments, notes, [&](const Source& from) -> Status {
    const auto split = read_predict_input(in, arguments->base, from.model, *from.trained.adapter);
    if (!split) return split.error();
    if (split->size() == 0) return {};
    if (from.model.info().pooling == Pooling::kTokens) return print_losses(from, *split, out);
    const at::Tensor logits =
        trained_logits(from.trained, from.model, *split).to(at::kCPU, at::kDouble).contiguous();
    const double* row = logits.const_data_ptr<double>();
    for (std::int64_t i = 0; i < logits.size(0); ++i, row += logits.size(1))
      out << nlohmann::json(std::vector<double>(row, row + logits.size(1))) << "\n";
    return {};
  });
}

}  // namespace

int export_command(const std::vector<std::string>& words, std::ostream& err) {
  return finish(run_export(words, err), "export", err);
}

int predict_command(const std::vector<std::string>& words, std::istream& in, std::ostream& out,
                    std::ostream& err) {
  return finish(run_predict(words, in, out, err), "predict", err);
}

}  // namespace plateau::trainer
