#include "worker/trainer/tokenizer/components_json.h"

#include <functional>
#include <utility>

#include "common/base/text.h"
#include "worker/trainer/tokenizer/bert_normalizer.h"
#include "worker/trainer/tokenizer/bert_pre_tokenizer.h"
#include "worker/trainer/tokenizer/json_fields.h"
#include "worker/trainer/tokenizer/wordpiece.h"
#include "worker/trainer/tokenizer/wordpiece_decoder.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;

// Builds one component from its section: the table of a kind of part.
template <typename Part>
struct Maker {
  const char* type;
  std::function<std::unique_ptr<Part>(const Fields&)> make;
};

// One component, or a "Sequence" of them under `list_key`, flattened in order.
template <typename Part>
Status append_parts(const json& section, const std::string& where, const char* list_key,
                    const std::vector<Maker<Part>>& makers,
                    std::vector<std::unique_ptr<Part>>& parts) {
  if (section.is_null()) return {};
  Fields fields(section, where);
  const std::string type = fields.text("type");
  if (type == "Sequence") {
    const json& list = fields.list(list_key);
    if (Status status = fields.status(); !status) return status;
    for (const json& inner : list) {
      if (Status status = append_parts(inner, where, list_key, makers, parts); !status) {
        return status;
      }
    }
    return {};
  }
  if (Status status = fields.status(); !status) return status;
  std::vector<std::string> known{"Sequence"};
  for (const Maker<Part>& maker : makers) {
    known.emplace_back(maker.type);
    if (type != maker.type) continue;
    parts.push_back(maker.make(fields));
    return fields.status();
  }
  return unsupported(where, type, known);
}

template <typename Part>
Result<std::vector<std::unique_ptr<Part>>> make_parts(const json& section, const std::string& where,
                                                      const char* list_key,
                                                      const std::vector<Maker<Part>>& makers) {
  std::vector<std::unique_ptr<Part>> parts;
  if (Status status = append_parts(section, where, list_key, makers, parts); !status) {
    return status.error();
  }
  return parts;
}

std::unique_ptr<Normalizer> bert_normalizer(const Fields& fields) {
  BertNormalizer::Settings settings;
  settings.clean_text = fields.boolean("clean_text", true);
  settings.handle_chinese_chars = fields.boolean("handle_chinese_chars", true);
  settings.lowercase = fields.boolean("lowercase", true);
  // null, the usual value, means "as lowercase".
  settings.strip_accents = fields.boolean("strip_accents", settings.lowercase);
  return std::make_unique<BertNormalizer>(settings);
}

}  // namespace

Result<std::vector<std::unique_ptr<Normalizer>>> make_normalizers(const json& section,
                                                                  const std::string& name) {
  return make_parts<Normalizer>(section, name + ": normalizer", "normalizers",
                                {{"BertNormalizer", bert_normalizer}});
}

Result<std::vector<std::unique_ptr<PreTokenizer>>> make_pre_tokenizers(const json& section,
                                                                       const std::string& name) {
  return make_parts<PreTokenizer>(
      section, name + ": pre_tokenizer", "pretokenizers",
      {{"BertPreTokenizer", [](const Fields&) { return std::make_unique<BertPreTokenizer>(); }}});
}

Result<std::vector<std::unique_ptr<Decoder>>> make_decoders(const json& section,
                                                            const std::string& name) {
  return make_parts<Decoder>(section, name + ": decoder", "decoders",
                             {{"WordPiece", [](const Fields& fields) {
                                 return std::make_unique<WordPieceDecoder>(
                                     fields.text("prefix", "##"), fields.boolean("cleanup", true));
                               }}});
}

Result<std::unique_ptr<TokenModel>> make_model(const json& section, const std::string& name) {
  const std::string where = name + ": model";
  Fields fields(section, where);
  // Old files have no type: theirs is told from what they hold.
  const std::string type = fields.text("type", section.contains("merges") ? "BPE" : "WordPiece");
  if (Status status = fields.status(); !status) return status.error();
  if (type != "WordPiece") return unsupported(where, type, {"WordPiece"});

  Result<Vocabulary> vocabulary = read_vocabulary(fields, where);
  if (!vocabulary) return vocabulary.error();
  WordPiece::Settings settings;
  settings.continuing_prefix = fields.text("continuing_subword_prefix", "##");
  settings.word_chars_max =
      static_cast<std::size_t>(fields.integer("max_input_chars_per_word", 100));
  const std::string unknown = fields.text("unk_token", "[UNK]");
  if (Status status = fields.status(); !status) return status.error();
  const std::optional<std::int32_t> unknown_id = vocabulary->id(unknown);
  if (!unknown_id) {
    return corrupt(where + ": the unk_token \"" + unknown +
                   "\" is not in the vocabulary. Fetch the file again.");
  }
  settings.unknown_id = *unknown_id;
  return std::unique_ptr<TokenModel>(
      std::make_unique<WordPiece>(std::move(*vocabulary), std::move(settings)));
}

}  // namespace plateau::trainer
