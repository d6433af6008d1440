#include "worker/trainer/exchange/model_folder.h"

#include <algorithm>
#include <array>
#include <utility>

#include <ATen/ATen.h>

#include "common/base/file.h"
#include "common/gguf/gguf.h"
#include "worker/trainer/exchange/tokenizer_files.h"
#include "worker/trainer/model/weight_source.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct Classes {
  const char* model_type;
  const char* bare;
  const char* classifier;
  const char* head;      // a tensor that the classifier's head has
  const char* language;  // nullptr: an encoder, which models none
};

// transformers' names, one line an architecture.
constexpr std::array kClasses = {
    Classes{"bert", "BertModel", "BertForSequenceClassification", "classifier.weight", nullptr},
    Classes{"roberta", "RobertaModel", "RobertaForSequenceClassification",
            "classifier.out_proj.weight", nullptr},
    Classes{"gpt2", "GPT2Model", "GPT2ForSequenceClassification", "score.weight",
            "GPT2LMHeadModel"},
    Classes{"llama", "LlamaModel", "LlamaForSequenceClassification", "score.weight",
            "LlamaForCausalLM"},
    Classes{"mistral", "MistralModel", "MistralForSequenceClassification", "score.weight",
            "MistralForCausalLM"},
    Classes{"qwen2", "Qwen2Model", "Qwen2ForSequenceClassification", "score.weight",
            "Qwen2ForCausalLM"},
};

bool has_tensor(const Head& head, const std::string& name) {
  for (const TrainedTensor& tensor : head.trained()) {
    if (tensor.name == name) return true;
  }
  return false;
}

Result<Classes> classes_of(const Model& model, const Head& head) {
  const std::string& type = model.info().model_type;
  for (const Classes& classes : kClasses) {
    if (type != classes.model_type) continue;
    if (model.info().pooling != Pooling::kCls || has_tensor(head, classes.head)) return classes;
    return invalid_argument(std::string(classes.classifier) + " has another head (" + classes.head +
                            ") than this trainer puts on " + type +
                            "; export the adapter alone (--format peft)");
  }
  return invalid_argument("no class of transformers is known for the architecture '" + type + "'");
}

Result<TensorMap> merged_tensors(const Trained& trained, const Model& model) {
  auto merged = trained.adapter->merged();
  if (!merged) return merged.error();
  TensorMap tensors;
  const at::TensorOptions options = trained_options(model);
  for (const ModelParameter& parameter : model.parameters())
    tensors[parameter.name] = parameter.value.dense().to(options);
  for (const MergedParameter& parameter : *merged)
    tensors[model.parameters()[parameter.index].name] = parameter.value;
  return tensors;
}

// What the base's file holds of the same module tree and this trainer does not compute.
Status add_uncomputed(const fs::path& base, TensorMap& tensors) {
  if (gguf_of_base(base)) return {};  // Of a decoder all is computed.
  const at::TensorOptions options = at::TensorOptions().dtype(tensors.begin()->second.dtype());
  const auto weights = ModelWeights::open(base);
  if (!weights) return weights.error();
  const std::string& any = tensors.begin()->first;
  const std::string prefix = any.substr(0, any.find('.') + 1);
  const auto names = weights->names();
  const bool bare = std::none_of(names.begin(), names.end(),
                                 [&](const std::string& name) { return name.starts_with(prefix); });
  for (const std::string& name : names) {
    const std::string full = bare ? prefix + name : name;
    if (!full.starts_with(prefix) || tensors.contains(full)) continue;
    const TensorView& view = *weights->find(name);
    if (view.dtype == DType::kI64) continue;  // A buffer of positions, which is no weight.
    auto tensor = to_tensor(view, options);
    if (!tensor) return tensor.error();
    tensors[full] = *tensor;
  }
  return {};
}

Result<Json> config_of(const fs::path& base, const Trained& trained, const Model& model,
                       const std::vector<std::string>& labels) {
  auto files = open_base(base);
  if (!files) return files.error();
  Json config = std::move(files->config);
  const auto classes = classes_of(model, trained.head);
  if (!classes) return classes.error();
  const bool mean = model.info().pooling == Pooling::kMean;
  const std::int64_t outputs = trained.outputs;
  config.erase("torch_dtype");
  config["dtype"] = trained_options(model).dtype() == at::kDouble ? "float64" : "float32";
  if (model.info().pooling == Pooling::kTokens) {
    config["architectures"] = {classes->language};
    return config;
  }
  config["architectures"] = {mean ? classes->bare : classes->classifier};
  config["problem_type"] = outputs == 1 ? "regression" : "single_label_classification";
  config["id2label"] = Json::object();
  config["label2id"] = Json::object();
  for (std::int64_t i = 0; i < outputs; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const std::string label = index < labels.size() ? labels[index] : "LABEL_" + std::to_string(i);
    config["id2label"][std::to_string(i)] = label;
    config["label2id"][label] = i;
  }
  if (mean) config["plateau"] = {{"pooling", "mean"}};
  return config;
}

}  // namespace

Json transformers_class(const Model& model, const Head& head) {
  const auto classes = classes_of(model, head);
  if (!classes || model.info().pooling == Pooling::kMean) return nullptr;
  return model.info().pooling == Pooling::kTokens ? classes->language : classes->classifier;
}

Result<std::string> save_model_folder(const fs::path& out, const Trained& trained,
                                      const Model& model, const fs::path& base,
                                      const std::vector<std::string>& labels) {
  const auto config = config_of(base, trained, model, labels);
  if (!config) return config.error();
  auto tensors = merged_tensors(trained, model);
  if (!tensors) return tensors.error();
  if (Status status = add_uncomputed(base, *tensors); !status) return status.error();
  for (const TrainedTensor& tensor : trained.head.trained())
    (*tensors)[tensor.name] = tensor.value.detach();
  if (Status status = make_folder(out); !status) return status.error();
  if (Status status = write_tensors(out / "model.safetensors", *tensors, {{"format", "pt"}});
      !status) {
    return status.error();
  }
  auto note = save_tokenizer(base, out);
  if (!note) return note.error();
  if (Status status = write_file_atomically(out / "config.json", config->dump(2) + "\n"); !status)
    return status.error();
  return note;
}

}  // namespace plateau::trainer
