#include <map>
#include <utility>

#include "worker/trainer/tokenizer/components_json.h"
#include "worker/trainer/tokenizer/json_fields.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;
using Piece = TemplateProcessor::Piece;
using Sequence = TemplateProcessor::Sequence;
using SpecialTokens = std::map<std::string, std::vector<std::int32_t>>;

Error malformed(const std::string& where, const std::string& what) {
  return corrupt(where + ": " + what +
                 ". The file is damaged or of an unknown version; fetch it again.");
}

// {"[CLS]": {"id": "[CLS]", "ids": [101], "tokens": ["[CLS]"]}, ...}
Result<SpecialTokens> read_special_tokens(const json& section, const std::string& where) {
  SpecialTokens special;
  for (const auto& [key, value] : section.items()) {
    if (!value.is_object() || !value.contains("ids") || !value["ids"].is_array()) {
      return malformed(where, "the special token \"" + key + "\" has no list of ids");
    }
    for (const json& id : value["ids"]) {
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX) {
        return malformed(where, "the special token \"" + key + "\" has an id that is no id");
      }
      special[key].push_back(id.get<std::int32_t>());
    }
  }
  return special;
}

// {"SpecialToken": {"id": "[CLS]", "type_id": 0}} or {"Sequence": {"id": "A", "type_id": 0}}
Result<Piece> read_piece(const json& entry, const SpecialTokens& special,
                         const std::string& where) {
  if (!entry.is_object() || entry.size() != 1) {
    return malformed(where, "a piece of a template is neither SpecialToken nor Sequence");
  }
  const std::string kind = entry.begin().key();
  const Fields fields(entry.begin().value(), where);
  const std::string id = fields.text("id");
  const std::int64_t type_id = fields.integer("type_id", 0);
  if (Status status = fields.status(); !status) return status.error();

  Piece piece;
  piece.type_id = static_cast<std::int32_t>(type_id);
  if (kind == "Sequence" && (id == "A" || id == "B")) {
    piece.what = id == "A" ? Sequence::kFirst : Sequence::kSecond;
    return piece;
  }
  const auto found = special.find(id);
  if (kind != "SpecialToken" || found == special.end()) {
    return malformed(where, "the piece " + kind + " \"" + id + "\" of a template is not explained");
  }
  piece.what = found->second;
  return piece;
}

Result<std::vector<Piece>> read_template(const json& list, bool is_pair,
                                         const SpecialTokens& special, const std::string& where) {
  std::vector<Piece> pieces;
  for (const json& entry : list) {
    Result<Piece> piece = read_piece(entry, special, where);
    if (!piece) return piece.error();
    const auto* const sequence = std::get_if<Sequence>(&piece->what);
    if (!is_pair && sequence != nullptr && *sequence == Sequence::kSecond) {
      return malformed(where, "the template for one text asks for a second");
    }
    pieces.push_back(std::move(*piece));
  }
  return pieces;
}

Result<TemplateProcessor> template_processing(const Fields& fields) {
  const std::string& where = fields.where();
  const json& single = fields.list("single");
  const json& pair = fields.list("pair");
  const json& tokens = fields.object("special_tokens");
  if (Status status = fields.status(); !status) return status.error();
  const Result<SpecialTokens> special = read_special_tokens(tokens, where);
  if (!special) return special.error();
  Result<std::vector<Piece>> one = read_template(single, /*is_pair=*/false, *special, where);
  if (!one) return one.error();
  Result<std::vector<Piece>> two = read_template(pair, /*is_pair=*/true, *special, where);
  if (!two) return two.error();
  return TemplateProcessor(std::move(*one), std::move(*two));
}

// ["[SEP]", 102]
Result<std::int32_t> named_id(const Fields& fields, const char* key) {
  const json& entry = fields.list(key);
  if (Status status = fields.status(); !status) return status.error();
  if (entry.size() != 2 || !entry[1].is_number_unsigned()) {
    return malformed(fields.where(), std::string("\"") + key + "\" must be [token, id]");
  }
  return entry[1].get<std::int32_t>();
}

// BERT separates two texts by one token and marks the second by its type id; RoBERTa separates by
// two tokens and knows no types.
Result<TemplateProcessor> classic_processing(const Fields& fields, bool is_roberta) {
  const Result<std::int32_t> start = named_id(fields, "cls");
  if (!start) return start.error();
  const Result<std::int32_t> stop = named_id(fields, "sep");
  if (!stop) return stop.error();
  const std::int32_t second_type = is_roberta ? 0 : 1;
  const Piece cls{std::vector<std::int32_t>{*start}, 0};
  const Piece sep{std::vector<std::int32_t>{*stop}, 0};
  const Piece end{std::vector<std::int32_t>{*stop}, second_type};
  const Piece first{Sequence::kFirst, 0};
  const Piece second{Sequence::kSecond, second_type};
  const std::vector<Piece> pair = is_roberta ? std::vector<Piece>{cls, first, sep, sep, second, end}
                                             : std::vector<Piece>{cls, first, sep, second, end};
  return TemplateProcessor({cls, first, sep}, pair);
}

// A Sequence may hold one part that adds tokens; ByteLevel beside it changes no ids.
Result<TemplateProcessor> last_of_sequence(const Fields& fields, const std::string& name) {
  const json& processors = fields.list("processors");
  if (Status status = fields.status(); !status) return status.error();
  Result<TemplateProcessor> found = TemplateProcessor();
  int adding = 0;
  for (const json& processor : processors) {
    Result<TemplateProcessor> made = make_post_processor(processor, name);
    if (!made) return made.error();
    if (processor.value("type", "") == "ByteLevel") continue;
    found = std::move(made);
    ++adding;
  }
  if (adding > 1) {
    return unsupported(fields.where(), "Sequence of " + std::to_string(adding) + " templates",
                       {"Sequence of one template and ByteLevel"});
  }
  return found;
}

}  // namespace

Result<TemplateProcessor> make_post_processor(const json& section, const std::string& name) {
  if (section.is_null()) return TemplateProcessor();
  const Fields fields(section, name + ": post_processor");
  const std::string type = fields.text("type");
  if (Status status = fields.status(); !status) return status.error();
  if (type == "TemplateProcessing") return template_processing(fields);
  if (type == "BertProcessing") return classic_processing(fields, /*is_roberta=*/false);
  if (type == "RobertaProcessing") return classic_processing(fields, /*is_roberta=*/true);
  if (type == "ByteLevel") return TemplateProcessor();  // It moves offsets, which we have none of.
  if (type == "Sequence") return last_of_sequence(fields, name);
  return unsupported(
      fields.where(), type,
      {"TemplateProcessing", "BertProcessing", "RobertaProcessing", "ByteLevel", "Sequence"});
}

}  // namespace plateau::trainer
