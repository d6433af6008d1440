#include "tests/parity/golden_case.h"

#include <cstdlib>

#include <ATen/ATen.h>

#include "common/base/file.h"
#include "worker/trainer/adapters/loreft.h"
#include "worker/trainer/adapters/peft_files.h"
#include "worker/trainer/eval/evaluate.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;

fs::path cache_folder() {
  if (const char* cache = std::getenv("PLATEAU_CACHE")) return cache;
  if (const char* cache = std::getenv("XDG_CACHE_HOME")) return fs::path(cache) / "plateau";
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : "/") / ".cache" / "plateau";
}

// The catalogue's copy: <cache>/bases/<name>-<digest>.
fs::path cached_base(const std::string& name) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cache_folder() / "bases", error)) {
    if (entry.path().filename().string().starts_with(name + "-")) return entry.path();
  }
  return {};
}

Result<nlohmann::json> read_json(const fs::path& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  return nlohmann::json::parse(*text);
}

Result<std::shared_ptr<const Dataset>> read_batch(const fs::path& path) {
  const auto tensors = read_tensors(path);
  if (!tensors) return tensors.error();
  const at::Tensor ids = tensors->at("input_ids"), mask = tensors->at("attention_mask");
  const at::Tensor labels = tensors->at("labels");
  auto data = std::make_shared<Dataset>();
  Split& split = data->train;
  for (std::int64_t i = 0; i < ids.size(0); ++i) {
    for (std::int64_t j = 0; j < ids.size(1); ++j) {
      if (mask[i][j].item<std::int64_t>() == 0) continue;
      split.ids.push_back(ids[i][j].item<std::int32_t>());
      split.type_ids.push_back(0);
      data->largest_id = std::max(data->largest_id, split.ids.back());
    }
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    split.labels.push_back(labels[i].item<std::int64_t>());
    split.item_ids.push_back(std::to_string(i));
  }
  data->test = data->validation = split;
  return std::shared_ptr<const Dataset>(data);
}

std::vector<std::string> modules_of(const nlohmann::json& targets) {
  return targets.get<std::vector<std::string>>();
}

AdapterSpec adapter_of(const nlohmann::json& expected) {
  const nlohmann::json& info = expected.at("info");
  const std::string family = info.at("family");
  if (family == "loreft") {
    return {"loreft",
            {{"rank", info.at("rank")},
             {"dropout", 0.0},
             {"positions", info.at("positions")},
             {"layers", info.at("layers")},
             {"share_weights", info.at("share_weights")}}};
  }
  const double rank = expected.at("r"), alpha = expected.at("alpha");
  const double scaling = expected.at("scaling");
  return {family == "dora" ? "dora" : "lora",
          {{"rank", expected.at("r")},
           {"alpha", alpha},
           {"dropout", 0.0},
           {"rslora", std::abs(scaling - alpha / rank) > 1e-9},
           {"target_modules", modules_of(info.at("targets"))}}};
}

Trial trial_of(const nlohmann::json& expected, std::int64_t items) {
  Trial trial;
  trial.base.pooling = "cls";
  trial.task.labels = {"0", "1"};
  trial.adapter = adapter_of(expected);
  trial.optimizer.learning_rate = trial.optimizer.head_learning_rate = expected.at("lr");
  trial.optimizer.weight_decay = expected.at("weight_decay");
  trial.optimizer.schedule = "constant";
  trial.optimizer.epochs = expected.at("steps");
  trial.optimizer.batch_size = items;
  return trial;
}

// Our site of pyreft's key "comp_bert_encoder_layer[0]_output_unit_pos_nunit_1#1".
LoreftSite* site_of(Loreft& adapter, const std::string& key) {
  const std::int64_t layer = std::stoll(key.substr(key.find('[') + 1));
  const bool second = key.find("#1") != std::string::npos;
  for (LoreftSite& site : adapter.sites()) {
    if (site.layer == layer && (site.where == LoreftSite::Where::kLast) == second) return &site;
  }
  return nullptr;
}

// Tensors of a LoReFT case's weights.safetensors by the names of our trained().
TensorMap loreft_names(Loreft& adapter, const TensorMap& tensors) {
  TensorMap result;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with("model.classifier.")) result[name.substr(6)] = tensor;
    if (!name.starts_with("comp_")) continue;
    const std::string key = name.substr(0, name.find('.', name.find('#')));
    const std::string field = name.substr(key.size() + 1);
    const std::string site = site_of(adapter, key)->name;
    if (field == "param.original") result[site + ".rotate_layer.parameter"] = tensor;
    if (field.starts_with("learned_source.")) result[site + "." + field] = tensor;
  }
  return result;
}

Status start_loreft(const fs::path& folder, Member& member) {
  const auto tensors = read_tensors(folder / "init" / "weights.safetensors");
  if (!tensors) return tensors.error();
  auto& adapter = dynamic_cast<Loreft&>(member.adapter());
  for (const auto& [name, tensor] : *tensors) {
    if (!name.ends_with(".param.base")) continue;
    site_of(adapter, name)->base.dense = tensor.to(member.model().info().options);
  }
  return member.restore(loreft_names(adapter, *tensors));
}

Status start_synthetic(const fs::path& golden, Member& member) {
  TensorMap values = member.snapshot();
  for (auto& [name, tensor] : values) {
    if (!name.ends_with("lora_A.weight")) continue;
    const double bound = 1.0 / std::sqrt(static_cast<double>(tensor.size(1)));
    tensor = synth_uniform("base_model.model." + name, tensor.sizes().vec(), bound);
  }
  const auto head = read_tensors(golden / "cases" / "minilm" / "head_init.safetensors");
  if (!head) return head.error();
  for (const auto& [name, tensor] : *head)
    values[name] = tensor;
  return member.restore(values);
}

at::Tensor logits_of(Member& member) {
  const at::NoGradGuard no_grad;
  return member.head().logits(
      split_features(member.model(), &member.adapter(), member.data().test));
}

}  // namespace

std::optional<fs::path> golden_folder() {
  const char* shared = std::getenv("PLATEAU_SHARED");
  const char* source = std::getenv("PLATEAU_SOURCE_DIR");
  const fs::path folder = shared != nullptr
                              ? fs::path(shared)
                              : fs::path(source != nullptr ? source : ".") / "../shared";
  if (!fs::exists(folder / "golden" / "cases")) return std::nullopt;
  return folder / "golden";
}

std::optional<fs::path> golden_model(const std::string& name) {
  const auto golden = golden_folder();
  if (!golden) return std::nullopt;
  fs::path folder = *golden / "models" / name;
  if (name == "minilm") {
    const char* given = std::getenv("PLATEAU_MINILM");
    folder = given != nullptr ? fs::path(given) : cached_base("minilm-l6");
  }
  if (!fs::exists(folder / "config.json")) return std::nullopt;
  return folder;
}

at::Tensor synth_uniform(const std::string& name, const std::vector<std::int64_t>& shape,
                         double bound) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
  for (const char c : name)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  at::Tensor values = at::empty(shape, at::kFloat);
  float* out = values.data_ptr<float>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    // The i-th number of splitmix64 from the hash.
    std::uint64_t z = hash + (static_cast<std::uint64_t>(i) + 1) * 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    const double u = static_cast<double>(z >> 40) * 0x1.0p-24;
    out[i] = static_cast<float>((2.0 * u - 1.0) * bound);
  }
  return values;
}

Result<GoldenRun> run_golden_case(const std::string& model_name, const std::string& method) {
  const fs::path golden = *golden_folder();
  const fs::path folder = golden / "cases" / model_name / method;
  GoldenRun run;
  auto expected = read_json(folder / "result.json");
  if (!expected) return expected.error();
  run.expected = *expected;
  auto model = load_model(*golden_model(model_name), {Pooling::kCls, at::TensorOptions()});
  if (!model) return model.error();
  auto data = read_batch(golden / "batches" / (model_name + ".safetensors"));
  if (!data) return data.error();
  auto member = Member::create(trial_of(run.expected, (*data)->train.size()), *model, *data);
  if (!member) return member.error();
  run.member = std::move(*member);
  Status status;
  if (run.expected.at("info").at("family") == "loreft") {
    status = start_loreft(folder, *run.member);
  } else if (method.ends_with("_synth")) {
    status = start_synthetic(golden, *run.member);
  } else {
    status = load_adapter(folder / "init", run.member->adapter(), run.member->head());
  }
  if (!status) return status.error();
  run.initial = run.member->snapshot();
  run.logits_before = logits_of(*run.member);
  Pack pack;
  pack.join(run.member.get());
  while (!run.member->is_done()) {
    const StepResult result = pack.step().front();
    run.losses.push_back(result.loss);
    run.gradient_norms.push_back(result.gradient_norm);
  }
  pack.leave(run.member.get());
  run.logits_after = logits_of(*run.member);
  run.losses.push_back(
      predictions_from_logits(run.logits_after, run.member->data().test, run.member->trial().task)
          .loss);
  run.final = run.member->snapshot();
  return run;
}

Result<TensorMap> expected_final(const std::string& model, const std::string& method,
                                 GoldenRun& run) {
  const fs::path folder = *golden_folder() / "cases" / model / method / "final";
  if (!fs::exists(folder)) return TensorMap();
  if (auto* loreft = dynamic_cast<Loreft*>(&run.member->adapter())) {
    const auto tensors = read_tensors(folder / "weights.safetensors");
    if (!tensors) return tensors.error();
    return loreft_names(*loreft, *tensors);
  }
  const auto tensors = read_tensors(folder / "adapter_model.safetensors");
  if (!tensors) return tensors.error();
  TensorMap result;
  for (const auto& [name, tensor] : *tensors)
    result[name.substr(std::string("base_model.model.").size())] = tensor;
  return result;
}

}  // namespace plateau::trainer
