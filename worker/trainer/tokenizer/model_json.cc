#include <utility>

#include "worker/trainer/tokenizer/bpe.h"
#include "worker/trainer/tokenizer/components_json.h"
#include "worker/trainer/tokenizer/json_fields.h"
#include "worker/trainer/tokenizer/wordpiece.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;

Result<std::int32_t> find_unknown(const Vocabulary& vocabulary, const std::string& token,
                                  const std::string& where) {
  const std::optional<std::int32_t> id = vocabulary.id(token);
  if (id) return *id;
  return corrupt(where + ": the unk_token \"" + token +
                 "\" is not in the vocabulary. Fetch the file again.");
}

Result<std::unique_ptr<TokenModel>> make_wordpiece(const Fields& fields, Vocabulary vocabulary) {
  WordPiece::Settings settings;
  settings.continuing_prefix = fields.text("continuing_subword_prefix", "##");
  settings.word_chars_max =
      static_cast<std::size_t>(fields.integer("max_input_chars_per_word", 100));
  const std::string unknown = fields.text("unk_token", "[UNK]");
  if (Status status = fields.status(); !status) return status.error();
  const Result<std::int32_t> unknown_id = find_unknown(vocabulary, unknown, fields.where());
  if (!unknown_id) return unknown_id.error();
  settings.unknown_id = *unknown_id;
  return std::unique_ptr<TokenModel>(
      std::make_unique<WordPiece>(std::move(vocabulary), std::move(settings)));
}

// ["a b", ...] in old files, [["a", "b"], ...] in newer ones.
Result<Bpe::Merges> read_merges(const Fields& fields) {
  const json& list = fields.list("merges");
  if (Status status = fields.status(); !status) return status.error();
  Bpe::Merges merges;
  merges.reserve(list.size());
  for (const json& entry : list) {
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      merges.emplace_back(entry[0].get<std::string>(), entry[1].get<std::string>());
      continue;
    }
    const std::string text = entry.is_string() ? entry.get<std::string>() : "";
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
      return corrupt(fields.where() + ": merge " + std::to_string(merges.size()) +
                     " is no pair of tokens. Fetch the file again.");
    }
    merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return merges;
}

Result<std::unique_ptr<TokenModel>> make_bpe(const Fields& fields, Vocabulary vocabulary) {
  for (const char* const key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const std::string mark = fields.text(key, "");
    if (!mark.empty()) return unsupported(fields.where() + ": " + key, mark, {"none"});
  }
  Bpe::Settings settings;
  settings.fuse_unknown = fields.boolean("fuse_unk", false);
  settings.byte_fallback = fields.boolean("byte_fallback", false);
  settings.ignore_merges = fields.boolean("ignore_merges", false);
  const std::string unknown = fields.text("unk_token", "");
  if (Status status = fields.status(); !status) return status.error();
  if (!unknown.empty()) {
    const Result<std::int32_t> unknown_id = find_unknown(vocabulary, unknown, fields.where());
    if (!unknown_id) return unknown_id.error();
    settings.unknown_id = *unknown_id;
  }
  const Result<Bpe::Merges> merges = read_merges(fields);
  if (!merges) return merges.error();
  Result<Bpe> bpe = Bpe::create(std::move(vocabulary), *merges, settings, fields.where());
  if (!bpe) return bpe.error();
  return std::unique_ptr<TokenModel>(std::make_unique<Bpe>(std::move(*bpe)));
}

}  // namespace

Result<std::unique_ptr<TokenModel>> make_model(const json& section, const std::string& name) {
  const Fields fields(section, name + ": model");
  // Old files have no type: theirs is told from what they hold.
  const std::string type = fields.text("type", section.contains("merges") ? "BPE" : "WordPiece");
  if (Status status = fields.status(); !status) return status.error();
  if (type != "WordPiece" && type != "BPE") {
    return unsupported(fields.where(), type, {"WordPiece", "BPE"});
  }
  Result<Vocabulary> vocabulary = read_vocabulary(fields, fields.where());
  if (!vocabulary) return vocabulary.error();
  return type == "BPE" ? make_bpe(fields, std::move(*vocabulary))
                       : make_wordpiece(fields, std::move(*vocabulary));
}

}  // namespace plateau::trainer
