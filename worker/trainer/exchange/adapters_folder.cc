#include "worker/trainer/exchange/adapters_folder.h"

#include <array>
#include <cmath>

#include <ATen/ATen.h>

#include "common/base/file.h"
#include "common/base/text.h"
#include "worker/trainer/exchange/adapter_spec.h"
#include "worker/trainer/exchange/model_folder.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr char kVersion[] = "adapters.1.3.0";
constexpr char kDown[] = ".adapter_down.0.weight";
constexpr char kAdapters[] = ".adapters.";

// Where a bottleneck sits and what it reads: fields of the library's configuration.
struct Placement {
  const char* method;
  bool behind_attention;
  bool reads_normed_sum;  // else the sub-layer's output, before the residual is added
};
constexpr std::array kPlacements = {Placement{"houlsby", true, false},
                                    Placement{"pfeiffer", false, true}};

// Parts that this trainer does not have, and the value that leaves them out.
const Json& left_out() {
  static const Json kLeftOut = {
      {"ln_before", false},         {"ln_after", false},          {"is_parallel", false},
      {"use_gating", false},        {"phm_layer", false},         {"cross_adapter", false},
      {"inv_adapter", nullptr},     {"leave_out", Json::array()}, {"stochastic_depth", 0.0},
      {"residual_before_ln", true}, {"original_ln_after", true}};
  return kLeftOut;
}

Json read_json(const fs::path& file) {
  const auto text = read_file(file);
  return text ? Json::parse(*text, nullptr, false) : Json();
}

// ---- Reading -----------------------------------------------------------------------------------

Status refuse_other_parts(const Json& config) {
  if (!config.value("architecture", Json()).is_null()) {
    return invalid_argument("adapter_config.json holds " + config["architecture"].dump() +
                            " of the library adapters; only its bottlenecks can be read");
  }
  for (const auto& [name, value] : left_out().items()) {
    if (config.value(name, value) == value) continue;
    return invalid_argument("adapter_config.json sets " + name + " to " + config[name].dump() +
                            ", which this trainer does not support");
  }
  if (config.value("scaling", Json(1.0)).is_number()) return {};
  return invalid_argument("adapter_config.json sets scaling to " + config["scaling"].dump() +
                          ", which this trainer does not support; a number is");
}

Result<std::string> method_of(const Json& config) {
  for (const Placement& placement : kPlacements) {
    if (config.value("output_adapter", true) &&
        config.value("mh_adapter", false) == placement.behind_attention &&
        config.value("original_ln_before", false) == placement.reads_normed_sum) {
      return std::string(placement.method);
    }
  }
  return invalid_argument(
      "adapter_config.json places its bottlenecks neither as Houlsby (behind both sub-layers, "
      "before the residual is added: double_seq_bn) nor as Pfeiffer (behind the feed-forward "
      "layer's norm: seq_bn)");
}

std::string activation_of(const Json& config) {
  const std::string name = config.value("non_linearity", "relu");
  return name == "silu" ? "swish" : name;
}

// "encoder.layer.0.output.adapters.NAME.adapter_up.bias", saved without a class around the model,
// as this trainer calls it: "bert.encoder.layer.0.output.adapters.houlsby.adapter_up.bias".
std::string our_name(const std::string& theirs, const std::string& name, const std::string& method,
                     const std::string& prefix) {
  std::string ours = theirs.starts_with(prefix) ? theirs : prefix + theirs;
  const std::string part = kAdapters + name + ".";
  const std::size_t at = ours.find(part);
  return at == std::string::npos ? ours : ours.replace(at, part.size(), kAdapters + method + ".");
}

// "bert." of "bert.encoder.layer.0".
std::string prefix_of(const Model& model) {
  const std::string block = model.block_name(0);
  return block.substr(0, block.find('.') + 1);
}

Result<std::int64_t> width_of(const TensorMap& tensors) {
  for (const auto& [name, tensor] : tensors) {
    if (name.ends_with(kDown) && tensor.dim() == 2) return tensor.size(0);
  }
  return corrupt("adapter.safetensors holds no bottleneck");
}

Result<TensorMap> read_weights(const fs::path& folder, const char* safe, const char* pickle) {
  if (!fs::exists(folder / safe) && fs::exists(folder / pickle)) {
    return invalid_argument((folder / pickle).string() +
                            " is a pickle, which is a program and is not run; save it again with "
                            "model.save_adapter(folder, name, use_safetensors=True)");
  }
  return read_tensors(folder / safe);
}

Result<AdapterFiles> read_bottlenecks(const fs::path& folder, const Model& model,
                                      const Json& file) {
  const Json& config = file.at("config");
  if (Status status = refuse_other_parts(config); !status) return status.error();
  const auto method = method_of(config);
  if (!method) return method.error();
  const auto theirs = read_weights(folder, "adapter.safetensors", "pytorch_adapter.bin");
  if (!theirs) return theirs.error();
  const auto width = width_of(*theirs);
  if (!width) return width.error();
  auto spec = adapter_spec({{"peft_type", "BOTTLENECK"},
                            {"method", *method},
                            {"rank", *width},
                            {"activation", activation_of(config)},
                            {"scaling", config.value("scaling", 1.0)},
                            {"dropout", config.value("dropout", 0.0)}},
                           {});
  if (!spec) return spec.error();
  AdapterFiles files{*spec, {}};
  const std::string name = file.value("name", ""), prefix = prefix_of(model);
  for (const auto& [tensor, value] : *theirs)
    files.tensors[our_name(tensor, name, *method, prefix)] = value;
  const auto head = read_weights(folder, "model_head.safetensors", "pytorch_model_head.bin");
  if (!head && head.error().kind != ErrorKind::kNotFound) return head.error();
  // A language model's output embeddings stand there too, but belong to the base.
  const bool has_head = head && model.info().pooling != Pooling::kTokens;
  if (has_head) files.tensors.insert(head->begin(), head->end());
  return files;
}

// ---- Writing -----------------------------------------------------------------------------------

// The library divides the hidden size by this and takes the whole part.
Json reduction_factor(std::int64_t hidden, std::int64_t width) {
  if (hidden % width == 0) return hidden / width;
  return static_cast<double>(hidden) / (static_cast<double>(width) + 0.5);
}

Json bottleneck_config(const Json& parameters, const Placement& placement, std::int64_t hidden) {
  Json config = left_out();
  config["mh_adapter"] = placement.behind_attention;
  config["output_adapter"] = true;
  config["original_ln_before"] = placement.reads_normed_sum;
  config["adapter_residual_before_ln"] = false;
  config["non_linearity"] = parameters.at("activation");
  config["reduction_factor"] = reduction_factor(hidden, parameters.at("rank"));
  config["scaling"] = parameters.at("scaling");
  config["dropout"] = parameters.at("dropout");
  config["init_weights"] = "bert";
  return config;
}

Status write_json(const fs::path& file, const Json& json) {
  return write_file_atomically(file, json.dump(2) + "\n");
}

Status write_head(const fs::path& out, const Trained& trained, const Json& about) {
  TensorMap tensors;
  for (const TrainedTensor& tensor : trained.head.trained())
    tensors[tensor.name] = tensor.value.detach();
  if (tensors.empty()) return {};
  if (Status status = write_tensors(out / "model_head.safetensors", tensors, {}); !status)
    return status;
  if (about.at("model_class").is_null()) return {};
  Json config = about;
  config["config"] = config["name"] = nullptr;
  config["num_labels"] = trained.outputs;
  return write_json(out / "head_config.json", config);
}

}  // namespace

bool is_adapters_folder(const fs::path& folder) {
  const Json config = read_json(folder / "adapter_config.json");
  return config.is_object() && !config.contains("peft_type") && config.contains("model_type") &&
         config.contains("config") && config["config"].is_object();
}

Result<AdapterFiles> read_adapters_folder(const fs::path& folder, const Model& model) {
  try {
    return read_bottlenecks(folder, model, read_json(folder / "adapter_config.json"));
  } catch (const Json::exception& failure) {
    return corrupt("adapter_config.json has a field of another type: " +
                   std::string(failure.what()));
  }
}

Status save_adapters_folder(const fs::path& out, const Trained& trained, const Model& model) {
  for (const Placement& placement : kPlacements) {
    if (trained.spec.method != placement.method) continue;
    if (Status status = make_folder(out); !status) return status;
    const std::int64_t hidden = model.info().hidden;
    Json about = {
        {"hidden_size", hidden},    {"model_class", transformers_class(model, trained.head)},
        {"model_name", ""},         {"model_type", model.info().model_type},
        {"name", placement.method}, {"version", kVersion}};
    if (Status status = write_head(out, trained, about); !status) return status;
    if (Status status = write_tensors(out / "adapter.safetensors", trained.adapter->exported(), {});
        !status) {
      return status;
    }
    about["config"] = bottleneck_config(trained.spec.parameters, placement, hidden);
    return write_json(out / "adapter_config.json", about);
  }
  return invalid_argument(
      "the library adapters takes bottlenecks (houlsby, pfeiffer); this "
      "adapter is " +
      trained.spec.method + ", which another --format may export");
}

}  // namespace plateau::trainer
