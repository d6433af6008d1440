#include "worker/trainer/tokenizer/components_json.h"

#include <functional>
#include <utility>

#include "common/base/text.h"
#include "worker/trainer/tokenizer/bert_normalizer.h"
#include "worker/trainer/tokenizer/bert_pre_tokenizer.h"
#include "worker/trainer/tokenizer/byte_level.h"
#include "worker/trainer/tokenizer/json_fields.h"
#include "worker/trainer/tokenizer/replacing.h"
#include "worker/trainer/tokenizer/splitting.h"
#include "worker/trainer/tokenizer/wordpiece_decoder.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;

// Builds one component from its section: the table of a kind of part.
template <typename Part>
struct Maker {
  const char* type;
  std::function<Result<std::unique_ptr<Part>>(const Fields&)> make;
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
    Result<std::unique_ptr<Part>> part = maker.make(fields);
    if (Status status = fields.status(); !status) return status;
    if (!part) return part.error();
    parts.push_back(std::move(*part));
    return {};
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

// A part from its constructor's arguments, as the base class that the tables want.
template <typename Part, typename Made, typename... Arguments>
Result<std::unique_ptr<Part>> part(Arguments&&... arguments) {
  return std::unique_ptr<Part>(std::make_unique<Made>(std::forward<Arguments>(arguments)...));
}

// {"String": "x"} or {"Regex": "x"}
Result<Regex> read_pattern(const Fields& fields) {
  const Fields pattern(fields.object("pattern"), fields.where() + ": pattern");
  if (Status status = fields.status(); !status) return status.error();
  const std::string literal = pattern.text("String", "");
  const std::string regex = pattern.text("Regex", "");
  if (Status status = pattern.status(); !status) return status.error();
  if (literal.empty() == regex.empty()) {
    return corrupt(pattern.where() + " must hold either String or Regex. Fetch the file again.");
  }
  if (!literal.empty()) return Regex::literal(literal);
  return Regex::compile(regex, pattern.where());
}

Result<std::unique_ptr<Normalizer>> bert_normalizer(const Fields& fields) {
  BertNormalizer::Settings settings;
  settings.clean_text = fields.boolean("clean_text", true);
  settings.handle_chinese_chars = fields.boolean("handle_chinese_chars", true);
  settings.lowercase = fields.boolean("lowercase", true);
  // null, the usual value, means "as lowercase".
  settings.strip_accents = fields.boolean("strip_accents", settings.lowercase);
  return part<Normalizer, BertNormalizer>(settings);
}

Result<std::unique_ptr<Normalizer>> replace_normalizer(const Fields& fields) {
  Result<Regex> pattern = read_pattern(fields);
  if (!pattern) return pattern.error();
  return part<Normalizer, ReplaceNormalizer>(std::move(*pattern), fields.text("content"));
}

Maker<Normalizer> unicode_normalizer(const char* type, NormalForm form) {
  return {type, [form](const Fields&) { return part<Normalizer, UnicodeNormalizer>(form); }};
}

Result<std::unique_ptr<PreTokenizer>> split_pre_tokenizer(const Fields& fields) {
  Result<Regex> pattern = read_pattern(fields);
  if (!pattern) return pattern.error();
  const std::string behavior = fields.text("behavior");
  const bool is_inverted = fields.boolean("invert", false);
  using Keep = SplitPreTokenizer::Keep;
  if (behavior == "Isolated") {
    return part<PreTokenizer, SplitPreTokenizer>(std::move(*pattern), Keep::kAll);
  }
  if (behavior == "Removed") {
    return part<PreTokenizer, SplitPreTokenizer>(std::move(*pattern),
                                                 is_inverted ? Keep::kMatches : Keep::kRest);
  }
  return unsupported(fields.where() + ": behavior", behavior, {"Isolated", "Removed"});
}

Result<std::unique_ptr<PreTokenizer>> digits_pre_tokenizer(const Fields& fields) {
  const char* const pattern = fields.boolean("individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)";
  Result<Regex> digits = Regex::compile(pattern, fields.where());
  if (!digits) return digits.error();
  return part<PreTokenizer, SplitPreTokenizer>(std::move(*digits), SplitPreTokenizer::Keep::kAll);
}

// Old files say add_prefix_space, newer ones prepend_scheme.
Result<MetaspacePreTokenizer::Prepend> prepend_scheme(const Fields& fields) {
  using Prepend = MetaspacePreTokenizer::Prepend;
  const std::string replacement = fields.text("replacement", std::string(kMetaspace));
  if (replacement != kMetaspace) {
    return unsupported(fields.where() + ": replacement", replacement, {std::string(kMetaspace)});
  }
  const std::string scheme =
      fields.text("prepend_scheme", fields.boolean("add_prefix_space", true) ? "always" : "never");
  if (scheme == "always") return Prepend::kAlways;
  if (scheme == "first") return Prepend::kFirst;
  if (scheme == "never") return Prepend::kNever;
  return unsupported(fields.where() + ": prepend_scheme", scheme, {"always", "first", "never"});
}

Result<std::unique_ptr<PreTokenizer>> metaspace_pre_tokenizer(const Fields& fields) {
  const Result<MetaspacePreTokenizer::Prepend> prepend = prepend_scheme(fields);
  if (!prepend) return prepend.error();
  return part<PreTokenizer, MetaspacePreTokenizer>(*prepend, fields.boolean("split", true));
}

Result<std::unique_ptr<Decoder>> metaspace_decoder(const Fields& fields) {
  const Result<MetaspacePreTokenizer::Prepend> prepend = prepend_scheme(fields);
  if (!prepend) return prepend.error();
  return part<Decoder, MetaspaceDecoder>(*prepend != MetaspacePreTokenizer::Prepend::kNever);
}

Result<std::unique_ptr<Decoder>> replace_decoder(const Fields& fields) {
  Result<Regex> pattern = read_pattern(fields);
  if (!pattern) return pattern.error();
  return part<Decoder, ReplaceDecoder>(std::move(*pattern), fields.text("content"));
}

Result<std::unique_ptr<Decoder>> strip_decoder(const Fields& fields) {
  return part<Decoder, StripDecoder>(fields.text("content"),
                                     static_cast<std::size_t>(fields.integer("start", 0)),
                                     static_cast<std::size_t>(fields.integer("stop", 0)));
}

}  // namespace

Result<std::vector<std::unique_ptr<Normalizer>>> make_normalizers(const json& section,
                                                                  const std::string& name) {
  return make_parts<Normalizer>(
      section, name + ": normalizer", "normalizers",
      {{"BertNormalizer", bert_normalizer},
       {"Prepend",
        [](const Fields& fields) {
          return part<Normalizer, PrependNormalizer>(fields.text("prepend"));
        }},
       {"Replace", replace_normalizer},
       unicode_normalizer("NFC", NormalForm::kNfc),
       unicode_normalizer("NFD", NormalForm::kNfd),
       unicode_normalizer("NFKC", NormalForm::kNfkc),
       unicode_normalizer("NFKD", NormalForm::kNfkd)});
}

Result<std::vector<std::unique_ptr<PreTokenizer>>> make_pre_tokenizers(const json& section,
                                                                       const std::string& name) {
  return make_parts<PreTokenizer>(
      section, name + ": pre_tokenizer", "pretokenizers",
      {{"BertPreTokenizer", [](const Fields&) { return part<PreTokenizer, BertPreTokenizer>(); }},
       {"ByteLevel",
        [](const Fields& fields) {
          return part<PreTokenizer, ByteLevelPreTokenizer>(fields.boolean("add_prefix_space", true),
                                                           fields.boolean("use_regex", true));
        }},
       {"Split", split_pre_tokenizer},
       {"Digits", digits_pre_tokenizer},
       {"Metaspace", metaspace_pre_tokenizer}});
}

Result<std::vector<std::unique_ptr<Decoder>>> make_decoders(const json& section,
                                                            const std::string& name) {
  return make_parts<Decoder>(
      section, name + ": decoder", "decoders",
      {{"WordPiece",
        [](const Fields& fields) {
          return part<Decoder, WordPieceDecoder>(fields.text("prefix", "##"),
                                                 fields.boolean("cleanup", true));
        }},
       {"ByteLevel", [](const Fields&) { return part<Decoder, ByteLevelDecoder>(); }},
       {"ByteFallback", [](const Fields&) { return part<Decoder, ByteFallbackDecoder>(); }},
       {"Fuse", [](const Fields&) { return part<Decoder, FuseDecoder>(); }},
       {"Replace", replace_decoder},
       {"Strip", strip_decoder},
       {"Metaspace", metaspace_decoder}});
}

}  // namespace plateau::trainer
