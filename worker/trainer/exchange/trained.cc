#include "worker/trainer/exchange/trained.h"

#include <optional>
#include <set>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/gguf/gguf.h"
#include "worker/trainer/adapters/peft_files.h"
#include "worker/trainer/adapters/registry.h"
#include "worker/trainer/eval/evaluate.h"
#include "worker/trainer/exchange/adapter_spec.h"
#include "worker/trainer/exchange/adapters_folder.h"
#include "worker/trainer/exchange/pyreft_folder.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;

// What Hugging Face calls the matrix whose rows are the head's outputs.
constexpr const char* kHeadNames[] = {"classifier.weight", "classifier.out_proj.weight",
                                      "score.weight"};

// Tensors of a head that lies in the base's own file.
Result<TensorMap> head_of_base(const fs::path& base, const at::TensorOptions& options) {
  if (gguf_of_base(base)) return TensorMap{};  // They hold language models.
  const auto weights = ModelWeights::open(base);
  if (!weights) return weights.error();
  TensorMap tensors;
  for (const std::string& name : weights->names()) {
    if (!name.starts_with("classifier.") && !name.starts_with("score.")) continue;
    auto tensor = to_tensor(*weights->find(name), options);
    if (!tensor) return tensor.error();
    tensors[name] = *tensor;
  }
  return tensors;
}

std::optional<std::int64_t> outputs_of(const TensorMap& tensors) {
  for (const char* name : kHeadNames) {
    const auto found = tensors.find(name);
    if (found != tensors.end() && found->second.dim() == 2) return found->second.size(0);
  }
  return std::nullopt;
}

Status fill_head(Head& head, const TensorMap& tensors) {
  for (const TrainedTensor& tensor : head.trained()) {
    if (Status status = copy_into(tensors, tensor.name, tensor.value); !status) return status;
  }
  return {};
}

// A tensor that nobody takes would change the reference's numbers and not ours.
Status all_used(const TensorMap& tensors, const Trained& trained) {
  std::set<std::string> known;
  for (const auto& [name, tensor] : trained.adapter->exported())
    known.insert(name);
  for (const TrainedTensor& tensor : trained.head.trained())
    known.insert(tensor.name);
  for (const auto& [name, tensor] : tensors) {
    if (!known.contains(name)) {
      return invalid_argument("the tensor " + name + " has no place in this trainer's " +
                              trained.spec.method + " on this base");
    }
  }
  return {};
}

Result<AdapterFiles> read_peft_folder(const fs::path& folder) {
  const auto text = read_file(folder / "adapter_config.json");
  if (!text) return text.error();
  auto tensors = read_adapter_tensors(folder);
  if (!tensors) return tensors.error();
  auto spec = adapter_spec(nlohmann::json::parse(*text, nullptr, false), *tensors);
  if (!spec) return spec.error();
  return AdapterFiles{*spec, std::move(*tensors)};
}

Result<Trained> build(const AdapterFiles& files, const Model& model, const fs::path& base) {
  const TensorMap& tensors = files.tensors;
  auto adapter = make_adapter(files.spec.method, {model, files.spec.parameters, 0});
  if (!adapter) return adapter.error();
  Trained trained{files.spec, std::move(*adapter), {}, 0};
  if (model.info().pooling == Pooling::kTokens) {  // No head: the base's own output embeddings.
    if (Status status = trained.adapter->import(tensors); !status) return status.error();
    if (Status status = all_used(tensors, trained); !status) return status.error();
    return trained;
  }
  TensorMap head_tensors = tensors;
  if (!outputs_of(tensors)) {
    auto own = head_of_base(base, trained_options(model));
    if (!own) return own.error();
    head_tensors = std::move(*own);
  }
  const auto outputs = outputs_of(head_tensors);
  if (!outputs) {
    return invalid_argument(
        "neither the adapter nor the base holds a classifier; if it models language, say "
        "--pooling tokens");
  }
  trained.head = make_head(model, *outputs, 0);
  trained.outputs = *outputs;
  if (Status status = trained.adapter->import(tensors); !status) return status.error();
  if (Status status = fill_head(trained.head, head_tensors); !status) return status.error();
  if (Status status = all_used(tensors, trained); !status) return status.error();
  return trained;
}

}  // namespace

Result<Trained> load_trained(const fs::path& folder, const Model& model, const fs::path& base,
                             const std::string& positions) {
  const auto files = is_pyreft_folder(folder)     ? read_pyreft_folder(folder, model, positions)
                     : is_adapters_folder(folder) ? read_adapters_folder(folder, model)
                                                  : read_peft_folder(folder);
  auto trained = files ? build(*files, model, base) : Result<Trained>(files.error());
  if (trained) return trained;
  return Error{trained.error().kind, folder.string() + ": " + trained.error().message};
}

at::Tensor trained_logits(const Trained& trained, const Model& model, const Split& split) {
  const at::NoGradGuard no_grad;
  return trained.head.logits(split_features(model, trained.adapter.get(), split));
}

}  // namespace plateau::trainer
