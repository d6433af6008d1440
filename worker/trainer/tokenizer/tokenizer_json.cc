#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "worker/trainer/tokenizer/components_json.h"
#include "worker/trainer/tokenizer/gguf_tokenizer.h"
#include "worker/trainer/tokenizer/json_fields.h"
#include "worker/trainer/tokenizer/tokenizer.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;

Result<std::vector<AddedToken>> read_added_tokens(const json& section, const std::string& name) {
  std::vector<AddedToken> tokens;
  if (section.is_null()) return tokens;
  if (!section.is_array()) return corrupt(name + ": added_tokens is no list. Fetch it again.");
  for (const json& entry : section) {
    const Fields fields(entry, name + ": added_tokens");
    AddedToken token;
    token.id = static_cast<std::int32_t>(std::min<std::int64_t>(fields.integer("id"), INT32_MAX));
    token.content = fields.text("content");
    token.special = fields.boolean("special", false);
    token.normalized = fields.boolean("normalized", !token.special);
    token.single_word = fields.boolean("single_word", false);
    token.lstrip = fields.boolean("lstrip", false);
    token.rstrip = fields.boolean("rstrip", false);
    if (Status status = fields.status(); !status) return status.error();
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// What fills up a batch: the padding section's id, or the added token that is called so, or 0.
std::int32_t find_pad_id(const json& file, const std::vector<AddedToken>& added) {
  const auto padding = file.find("padding");
  if (padding != file.end() && padding->is_object() && padding->contains("pad_id") &&
      (*padding)["pad_id"].is_number_unsigned()) {
    return (*padding)["pad_id"].get<std::int32_t>();
  }
  for (const AddedToken& token : added) {
    if (token.content == "[PAD]" || token.content == "<pad>") return token.id;
  }
  return 0;
}

const json& section_of(const json& file, const char* key) {
  static const json kNull;
  const auto found = file.find(key);
  return found == file.end() ? kNull : *found;
}

Result<Tokenizer> from_gguf(const std::filesystem::path& path) {
  const Result<std::string> made = tokenizer_json_of_gguf(path);
  if (!made) return made.error();
  return Tokenizer::from_json(*made, path.string());
}

}  // namespace

Result<Tokenizer> Tokenizer::from_json(std::string_view text, const std::string& name) {
  json file;
  try {
    file = json::parse(text.begin(), text.end());
  } catch (const json::exception& error) {
    return corrupt(name + " is not JSON (" + error.what() + "). Fetch it again.");
  }
  if (!file.is_object()) return corrupt(name + " is JSON but no tokenizer. Fetch it again.");

  TokenizerParts parts;
  auto normalizers = make_normalizers(section_of(file, "normalizer"), name);
  if (!normalizers) return normalizers.error();
  parts.normalizers = std::move(*normalizers);
  auto pre_tokenizers = make_pre_tokenizers(section_of(file, "pre_tokenizer"), name);
  if (!pre_tokenizers) return pre_tokenizers.error();
  parts.pre_tokenizers = std::move(*pre_tokenizers);
  auto model = make_model(section_of(file, "model"), name);
  if (!model) return model.error();
  parts.model = std::move(*model);
  auto post_processor = make_post_processor(section_of(file, "post_processor"), name);
  if (!post_processor) return post_processor.error();
  parts.post_processor = std::move(*post_processor);
  auto decoders = make_decoders(section_of(file, "decoder"), name);
  if (!decoders) return decoders.error();
  parts.decoders = std::move(*decoders);

  const Result<std::vector<AddedToken>> added =
      read_added_tokens(section_of(file, "added_tokens"), name);
  if (!added) return added.error();
  parts.added = AddedTokens(*added, [&parts](std::string_view content) {
    std::string normalized(content);
    for (const auto& normalizer : parts.normalizers)
      normalized = normalizer->normalize(normalized);
    return normalized;
  });
  parts.pad_id = find_pad_id(file, *added);
  parts.sha256 = sha256_hex(text);
  return Tokenizer(std::move(parts));
}

Result<std::string> tokenizer_json_of_gguf(const std::filesystem::path& path) {
  const Result<GgufFile> file = GgufFile::open(path);
  if (!file) return file.error();
  const Result<json> made = gguf_tokenizer_json(*file);
  if (!made) return made.error();
  try {
    return made->dump();
  } catch (const json::exception&) {  // dump knows UTF-8 only.
    return corrupt(path.string() + ": a token is not UTF-8. Fetch the file again.");
  }
}

Result<Tokenizer> Tokenizer::from_folder(const std::filesystem::path& folder) {
  if (std::filesystem::is_regular_file(folder)) return from_gguf(folder);
  const std::filesystem::path path = folder / "tokenizer.json";
  Result<std::string> text = read_file(path);
  if (text) return from_json(*text, path.string());
  if (text.error().kind != ErrorKind::kNotFound) return text.error();
  if (const auto model = gguf_of_base(folder)) return from_gguf(*model);
  return not_found("There is no tokenizer.json in " + folder.string() + ", and not exactly one" +
                   " .gguf file. Name a model folder in Hugging Face format that has the first, "
                   "or a GGUF file.");
}

}  // namespace plateau::trainer
