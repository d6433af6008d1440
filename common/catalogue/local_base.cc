#include "common/base/file.h"
#include "common/catalogue/checksums.h"
#include "common/catalogue/local_source.h"
#include "common/gguf/config.h"

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

Result<Json> config_of_file(const std::filesystem::path& gguf) {
  const Result<GgufFile> file = GgufFile::open(gguf);
  if (!file) return file.error();
  return config_of_gguf(*file);
}

Result<Json> config_of_folder(const std::filesystem::path& folder) {
  if (std::error_code error; !std::filesystem::exists(folder, error)) {
    return not_found("the base " + folder.string() +
                     " is not there. A base is a name of the catalogue, or the path of a folder in "
                     "Hugging Face format or of a GGUF file; nothing is fetched from a hub");
  }
  for (const char* name : {"config.json", "tokenizer.json"}) {
    std::error_code error;
    if (std::filesystem::is_regular_file(folder / name, error)) continue;
    return not_found("the base " + folder.string() + " has no " + name +
                     "; a folder in Hugging Face format has config.json, model.safetensors (or its "
                     "shards) and tokenizer.json. A GGUF file is a base too");
  }
  return read_json(folder / "config.json");
}

}  // namespace

Result<BaseSource> local_base(const SourceReference& reference,
                              const std::filesystem::path& cache) {
  const std::filesystem::path& path = reference.path;
  const auto gguf = gguf_of_base(path);
  Result<Json> config = gguf ? config_of_file(*gguf) : config_of_folder(path);
  if (!config) return config.error();
  const std::string where = gguf ? gguf->string() : (path / "config.json").string();
  Result<BaseFacts> facts = base_facts_from_config(*config, where);
  if (!facts) return facts.error();
  facts->in_blocks = gguf.has_value();
  Result<std::string> sha256 = sha256_of_weights(path, cache);
  if (!sha256) return sha256.error();
  BaseSource source;
  source.facts = *facts;
  source.spec = {reference.name, path.string(), "folder", *sha256,
                 facts->is_encoder() ? pooling_of(path) : "cls"};
  return source;
}

}  // namespace plateau
