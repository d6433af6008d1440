#include "worker/trainer/exchange/tokenizer_files.h"

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/gguf/config.h"

#ifdef PLATEAU_WITH_ICU
#include "worker/trainer/tokenizer/tokenizer.h"
#endif

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Status copy_files(const fs::path& base, const fs::path& out) {
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model"}) {
    const auto bytes = read_file(base / name);
    if (!bytes && bytes.error().kind == ErrorKind::kNotFound) continue;
    if (!bytes) return bytes.error();
    if (Status status = write_file_atomically(out / name, *bytes); !status) return status;
  }
  return {};
}

#ifdef PLATEAU_WITH_ICU
// Without it transformers takes the class of the model's type, which may put tokens in front that
// tokenizer.json does not.
Json tokenizer_config(const Json& model_config, const Json& tokenizer) {
  Json made = {{"tokenizer_class", "PreTrainedTokenizerFast"},
               {"clean_up_tokenization_spaces", false}};
  for (const auto& [name, id] : tokenizer.at("model").at("vocab").items()) {
    for (const char* role : {"bos_token", "eos_token", "pad_token"}) {
      if (model_config.value(role + std::string("_id"), Json()) == id) made[role] = name;
    }
  }
  return made;
}

Result<std::string> make_files(const fs::path& gguf, const fs::path& out) {
  const auto text = tokenizer_json_of_gguf(gguf);
  if (!text) return "no tokenizer is written: " + text.error().message;
  const auto file = GgufFile::open(gguf);
  if (!file) return file.error();
  const auto config = config_of_gguf(*file);
  if (!config) return config.error();
  if (Status status = write_file_atomically(out / "tokenizer.json", *text); !status)
    return status.error();
  const Json settings = tokenizer_config(*config, Json::parse(*text));
  if (Status status = write_file_atomically(out / "tokenizer_config.json", settings.dump(2) + "\n");
      !status) {
    return status.error();
  }
  return std::string();
}
#else
Result<std::string> make_files(const fs::path&, const fs::path&) {
  return std::string(
      "no tokenizer is written: this build cannot read the one inside a GGUF file; install "
      "libicu-dev and build again");
}
#endif

}  // namespace

Result<std::string> save_tokenizer(const fs::path& base, const fs::path& out) {
  if (const auto gguf = gguf_of_base(base)) return make_files(*gguf, out);
  if (Status status = copy_files(base, out); !status) return status.error();
  return std::string();
}

}  // namespace plateau::trainer
