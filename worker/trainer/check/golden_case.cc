#include "worker/trainer/check/golden_case.h"

#include <cstdlib>

#include <ATen/ATen.h>

#include "common/base/file.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path cache_folder() {
  if (const char* cache = std::getenv("PLATEAU_CACHE")) return cache;
  if (const char* cache = std::getenv("XDG_CACHE_HOME")) return fs::path(cache) / "plateau";
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : "/") / ".cache" / "plateau";
}

// The catalogue's copy, <cache>/bases/<name>-<digest>: the entry that starts with the model's name.
fs::path cached_base(const std::string& name) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cache_folder() / "bases", error)) {
    if (entry.path().filename().string().starts_with(name + "-")) return entry.path();
  }
  return {};
}

bool is_base(const fs::path& folder) {
  if (folder.empty()) return false;
  std::error_code error;
  if (fs::exists(folder / "config.json", error)) return true;
  if (folder.extension() == ".gguf") return fs::exists(folder, error);
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".gguf") return true;
  }
  return false;
}

Result<Json> read_json(const fs::path& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return corrupt(path.string() + " is no JSON object");
  return json;
}

Status require(const GoldenCase& golden, const char* field, bool holds, const char* what) {
  if (holds) return {};
  return corrupt((golden.folder / "result.json").string() + ": \"" + field + "\" must be " + what +
                 "; the format is described in worker/trainer/check/golden_case.h");
}

bool are_numbers(const Json& json, const char* field, std::size_t count) {
  if (!json.contains(field) || !json[field].is_array() || json[field].size() != count) return false;
  for (const Json& item : json[field]) {
    if (!item.is_number()) return false;
  }
  return true;
}

// What a case with the status ok must bring.
Status check_fields(const GoldenCase& golden) {
  const Json& result = golden.result;
  const auto number = [&](const char* field) {
    return result.contains(field) && result[field].is_number();
  };
  const bool counted = result.contains("steps") && result["steps"].is_number_integer() &&
                       result["steps"].get<std::int64_t>() > 0 &&
                       result["steps"].get<std::int64_t>() <= 100000;
  if (Status status = require(golden, "steps", counted, "a whole number from 1"); !status)
    return status;
  for (const char* field : {"lr", "weight_decay", "trainable_params"}) {
    if (Status status = require(golden, field, number(field), "a number"); !status) return status;
  }
  const auto steps = result["steps"].get<std::size_t>();
  if (Status status = require(golden, "losses", are_numbers(result, "losses", steps + 1),
                              "one number a step and one more");
      !status) {
    return status;
  }
  if (!result.contains("grad_norms")) return {};
  return require(golden, "grad_norms", are_numbers(result, "grad_norms", steps),
                 "one number a step");
}

std::string family_of(const Json& result, const std::string& method) {
  if (result.contains("info") && result["info"].is_object() && result["info"].contains("family") &&
      result["info"]["family"].is_string()) {
    return result["info"]["family"];
  }
  return method.substr(0, method.find('_'));
}

void cut_out(std::string& text, const std::string& part) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part))
    text.erase(at, part.size());
}

Result<TensorMap> read_plain(const fs::path& folder) {
  for (const char* file : {"adapter_model.safetensors", "weights.safetensors"}) {
    if (!fs::exists(folder / file)) continue;
    auto tensors = read_tensors(folder / file);
    if (!tensors) return tensors.error();
    TensorMap plain;
    for (const auto& [name, tensor] : *tensors)
      plain[plain_name(name)] = tensor;
    return plain;
  }
  return not_found(folder.string() +
                   " holds neither adapter_model.safetensors nor weights.safetensors");
}

}  // namespace

Result<GoldenCase> read_golden_case(const fs::path& given) {
  GoldenCase golden;
  std::error_code error;
  golden.folder = fs::weakly_canonical(given, error);
  if (error) golden.folder = given;
  if (!fs::exists(golden.folder / "result.json", error)) {
    return not_found(given.string() + " is no case folder: it has no result.json");
  }
  auto result = read_json(golden.folder / "result.json");
  if (!result) return result.error();
  golden.result = std::move(*result);
  golden.root = golden.folder.parent_path().parent_path().parent_path();
  golden.method = golden.folder.filename().string();
  const bool named = golden.result.contains("model") && golden.result["model"].is_string();
  golden.model = named ? golden.result["model"].get<std::string>()
                       : golden.folder.parent_path().filename().string();
  const Json status = golden.result.value("status", Json());
  if (status != "ok" && status != "failed" && status != "skipped") {
    return corrupt((golden.folder / "result.json").string() +
                   ": \"status\" must be ok, failed or skipped");
  }
  golden.status = status;
  if (golden.result.contains("why")) {
    const Json& why = golden.result["why"];
    golden.why = why.is_string() ? why.get<std::string>() : why.dump();
  }
  golden.family = family_of(golden.result, golden.method);
  if (golden.status != "ok") return golden;
  if (Status fields = check_fields(golden); !fields) return fields.error();
  golden.start = golden.folder / "init";
  if (golden.result.contains("init") && golden.result["init"].is_string()) {
    golden.start = golden.root / golden.result["init"].get<std::string>();
  }
  golden.has_initial = fs::exists(golden.start, error);
  return golden;
}

Result<GoldenBase> find_golden_base(const GoldenCase& golden,
                                    const std::map<std::string, fs::path>& given) {
  if (const auto found = given.find(golden.model); found != given.end()) {
    return GoldenBase{found->second, true};
  }
  const fs::path models = golden.root / "models";
  if (is_base(models / golden.model)) return GoldenBase{models / golden.model, false};
  const bool own_head = fs::exists(golden.folder.parent_path() / "head_init.safetensors");
  const std::string shorter = golden.model.substr(0, golden.model.rfind('-'));
  if (own_head && shorter != golden.model && is_base(models / shorter)) {
    return GoldenBase{models / shorter, false};
  }
  if (const fs::path cached = cached_base(golden.model); is_base(cached)) {
    return GoldenBase{cached, true};
  }
  return not_found("the base '" + golden.model + "' of the case " + golden.name() +
                   " is neither in " + models.string() + " nor in the cache " +
                   (cache_folder() / "bases").string() + "; give its folder with --base " +
                   golden.model + "=FOLDER");
}

namespace {

// The batch with the padding in front that the case's own ids have.
Status add_padding(const nlohmann::json& padded, const std::string& where, GoldenBatch& batch) {
  const std::int64_t rows = batch.ids.size(0);
  const auto width = static_cast<std::int64_t>(padded.at(0).size());
  std::vector<std::int64_t> ids;
  for (const auto& row : padded) {
    for (const auto& id : row)
      ids.push_back(id.get<std::int64_t>());
  }
  const std::int64_t front = width - batch.ids.size(1);
  if (front <= 0 || static_cast<std::int64_t>(ids.size()) != rows * width)
    return corrupt(where + ": padded_input_ids must have the batch's rows and more columns");
  batch.ids = at::tensor(ids, at::kLong).view({rows, width});
  batch.padding = at::cat({at::ones({rows, front}, at::kLong), 1 - batch.mask}, 1);
  if (batch.types.defined())
    batch.types = at::cat({at::zeros({rows, front}, at::kLong), batch.types}, 1);
  if (!batch.is_language_model()) return {};
  batch.labels = at::cat({at::full({rows, front}, -100, at::kLong), batch.labels}, 1);
  return {};
}

}  // namespace

Result<GoldenBatch> read_golden_batch(const GoldenCase& golden) {
  const fs::path path = golden.root / "batches" / (golden.model + ".safetensors");
  const auto tensors = read_tensors(path);
  if (!tensors) return tensors.error();
  for (const char* name : {"input_ids", "attention_mask", "labels"}) {
    if (!tensors->contains(name)) return corrupt(path.string() + " has no tensor " + name);
  }
  for (const char* name : {"position_ids", "inputs_embeds"}) {
    if (tensors->contains(name))
      return invalid_argument(path.string() + ": " + name + " cannot be given to this trainer");
  }
  const at::Tensor labels = tensors->at("labels");
  GoldenBatch batch{tensors->at("input_ids").to(at::kLong),
                    tensors->at("attention_mask").to(at::kLong),
                    labels.to(labels.is_floating_point() ? at::kDouble : at::kLong)};
  if (const auto types = tensors->find("token_type_ids"); types != tensors->end())
    batch.types = types->second.to(at::kLong);
  const bool shaped = batch.ids.dim() == 2 && batch.ids.size(0) > 0 &&
                      batch.mask.sizes() == batch.ids.sizes() && batch.labels.dim() >= 1 &&
                      batch.labels.dim() <= 2 && batch.labels.size(0) == batch.ids.size(0) &&
                      (batch.labels.dim() == 1 || batch.labels.sizes() == batch.ids.sizes()) &&
                      (!batch.types.defined() || batch.types.sizes() == batch.ids.sizes());
  if (!shaped) {
    return corrupt(path.string() +
                   ": input_ids and attention_mask must be [B, T], labels [B] or [B, T]");
  }
  if (batch.is_regression() && batch.is_language_model()) {
    return invalid_argument(path.string() + ": labels of fractions are [B], for a regression; " +
                            "several to a text (multi-label) are not supported");
  }
  // Rows are packed without their padding, so padding may only follow.
  if ((batch.mask.diff(1, 1) > 0).any().item<bool>() ||
      (batch.mask.select(1, 0) != 1).any().item<bool>()) {
    return corrupt(path.string() + ": attention_mask must be ones, then zeros, in every row");
  }
  const auto info = golden.result.find("info");
  if (info != golden.result.end() && info->contains("padded_input_ids")) {
    const std::string where = (golden.folder / "result.json").string();
    const Status status = add_padding(info->at("padded_input_ids"), where, batch);
    if (!status) return status.error();
  }
  return batch;
}

std::string plain_name(const std::string& name) {
  std::string plain = name;
  for (const std::string prefix : {"base_model.model.", "base_model."}) {
    if (!plain.starts_with(prefix)) continue;
    plain.erase(0, prefix.size());
    break;
  }
  cut_out(plain, ".default");
  cut_out(plain, ".modules_to_save");
  if (plain.ends_with("lora_magnitude_vector.weight")) plain.resize(plain.size() - 7);
  if (plain == "prompt_encoder.embedding.weight") return "prompt_embeddings";
  return plain;
}

Result<TensorMap> golden_initial(const GoldenCase& golden) {
  TensorMap tensors;
  if (golden.has_initial) {
    auto stored = read_plain(golden.start);
    if (!stored) return stored.error();
    tensors = std::move(*stored);
  }
  const fs::path head = golden.folder.parent_path() / "head_init.safetensors";
  if (fs::exists(head)) {
    const auto stored = read_tensors(head);
    if (!stored) return stored.error();
    tensors.insert(stored->begin(), stored->end());
  }
  return tensors;
}

Result<std::optional<TensorMap>> golden_final(const GoldenCase& golden) {
  const fs::path folder = golden.folder / "final";
  if (!fs::exists(folder)) return std::optional<TensorMap>();
  auto tensors = read_plain(folder);
  if (!tensors) return tensors.error();
  return std::optional<TensorMap>(std::move(*tensors));
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

}  // namespace plateau::trainer
