#include "common/base/file.h"
#include "common/catalogue/checksums.h"
#include "common/catalogue/local_source.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

Result<Json> read_json(const std::filesystem::path& path) {
  Result<std::string> text = read_file(path);
  if (!text) return text.error();
  Json json = Json::parse(*text, nullptr, false);
  if (json.is_discarded()) return corrupt(path.string() + " is no JSON");
  return json;
}

std::string pooling_of(const std::filesystem::path& folder) {
  const Result<Json> pooling = read_json(folder / "1_Pooling" / "config.json");
  const bool cls = pooling && pooling.value().is_object() &&
                   pooling.value().value("pooling_mode_cls_token", Json()) == true;
  return cls ? "cls" : "mean";
}

}  // namespace

Result<BaseSource> local_base(const SourceReference& reference,
                              const std::filesystem::path& cache) {
  const std::filesystem::path& folder = reference.path;
  for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
    std::error_code error;
    if (std::filesystem::is_regular_file(folder / name, error)) continue;
    return not_found("the base " + folder.string() + " has no " + name +
                     "; a folder in Hugging Face format has config.json, model.safetensors and "
                     "tokenizer.json");
  }
  Result<Json> config = read_json(folder / "config.json");
  if (!config) return config.error();
  Result<BaseFacts> facts = base_facts_from_config(*config, (folder / "config.json").string());
  if (!facts) return facts.error();
  Result<std::string> sha256 = cached_sha256(folder / "model.safetensors", cache);
  if (!sha256) return sha256.error();
  BaseSource source;
  source.facts = *facts;
  source.spec = {reference.name, folder.string(), "folder", *sha256,
                 facts->is_encoder() ? pooling_of(folder) : "cls"};
  return source;
}

}  // namespace plateau
