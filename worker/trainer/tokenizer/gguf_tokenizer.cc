#include "worker/trainer/tokenizer/gguf_tokenizer.h"

#include <optional>
#include <utility>
#include <vector>

#include "worker/trainer/tokenizer/gguf_sentencepiece.h"
#include "worker/trainer/tokenizer/json_fields.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;

// tokenizer.ggml.token_type
constexpr std::int64_t kNormal = 1;
constexpr std::int64_t kControl = 3;
constexpr std::int64_t kUserDefined = 4;

const GgufValue* find(const GgufFile& file, const std::string& key) {
  const auto found = file.metadata().find("tokenizer.ggml." + key);
  return found == file.metadata().end() ? nullptr : &found->second;
}

template <typename Value>
Result<Value> required(const GgufFile& file, const std::string& key) {
  const GgufValue* const value = find(file, key);
  if (value != nullptr && std::holds_alternative<Value>(*value)) return std::get<Value>(*value);
  return corrupt(file.name() + ": tokenizer.ggml." + key +
                 " is missing or of another type than a tokenizer has there. Fetch the file again, "
                 "or put the model's tokenizer.json beside it.");
}

bool flag(const GgufFile& file, const std::string& key, bool otherwise) {
  const GgufValue* const value = find(file, key);
  const bool* const is_set = value != nullptr ? std::get_if<bool>(value) : nullptr;
  return is_set != nullptr ? *is_set : otherwise;
}

// How a family cuts its texts into words, and what goes with it.
struct Family {
  std::vector<std::string> names;  // tokenizer.ggml.pre
  json normalizer;
  json pre_tokenizer;
  bool ignore_merges = false;
  bool adds_bos = false;     // unless the file says otherwise
  bool bos_in_pair = false;  // in front of the second text too
};

json byte_level(bool use_regex) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", use_regex}};
}

json sequence(json first) {
  const bool cuts_words = first["type"] == "Split";
  return {{"type", "Sequence"},
          {"pretokenizers", json::array({std::move(first), byte_level(!cuts_words)})}};
}

// The words of Llama 3 and Qwen2, which differ in how many digits stay together.
json words_with(const std::string& digits) {
  return {{"type", "Split"},
          {"behavior", "Isolated"},
          {"invert", false},
          {"pattern",
           {{"Regex", R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)" + digits +
                          R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}}}};
}

std::vector<Family> families() {
  const json digits{{"type", "Digits"}, {"individual_digits", true}};
  return {{{"gpt-2"}, nullptr, byte_level(true), false, false},
          {{"smollm"}, nullptr, sequence(digits), false, false},
          {{"llama-bpe", "llama3", "llama-v3"},
           nullptr,
           sequence(words_with(R"(\p{N}{1,3})")),
           true,
           true},
          {{"qwen2"}, {{"type", "NFC"}}, sequence(words_with(R"(\p{N})")), false, false}};
}

Result<Family> find_family(const std::string& pre, const std::string& where) {
  std::vector<std::string> known;
  for (Family& family : families()) {
    for (const std::string& name : family.names) {
      if (name == pre) return std::move(family);
      known.push_back(name);
    }
  }
  return unsupported(where + ": tokenizer.ggml.pre", pre, known);
}

// Control tokens are special: a text that spells one gets its id, and decode leaves it out.
Result<json> added_tokens(const GgufFile& file, const std::vector<std::string>& tokens) {
  const Result<std::vector<std::int64_t>> types =
      required<std::vector<std::int64_t>>(file, "token_type");
  if (!types) return types.error();
  if (types->size() != tokens.size()) {
    return corrupt(file.name() + ": there are " + std::to_string(tokens.size()) + " tokens, but " +
                   std::to_string(types->size()) + " token types. Fetch the file again.");
  }
  json added = json::array();
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    const std::int64_t type = (*types)[id];
    if (type != kControl && type != kUserDefined) continue;
    added.push_back({{"id", id},
                     {"content", tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", type == kControl}});
  }
  return added;
}

// [bos] text [eos], each where the file or its family wants it.
Result<json> post_processor(const GgufFile& file, const std::vector<std::string>& tokens,
                            const Family& family) {
  json single = json::array();
  json pair = json::array();
  json special = json::object();
  const auto append = [&](const std::string& key) -> Status {
    const Result<std::uint64_t> id = required<std::uint64_t>(file, key);
    if (!id) return id.error();
    if (*id >= tokens.size()) {
      return corrupt(file.name() + ": tokenizer.ggml." + key + " is no token. Fetch it again.");
    }
    const std::string& token = tokens[*id];
    special[token] = {{"id", token}, {"ids", json::array({*id})}, {"tokens", json::array({token})}};
    single.push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
    pair.push_back(single.back());
    return {};
  };
  const bool adds_eos = flag(file, "add_eos_token", false);
  if (flag(file, "add_bos_token", family.adds_bos)) {
    if (Status status = append("bos_token_id"); !status) return status.error();
  }
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  pair.push_back(single.back());
  if (family.bos_in_pair && pair.size() == 2) pair.push_back(pair.front());
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 0}}}});
  if (adds_eos) {
    if (Status status = append("eos_token_id"); !status) return status.error();
  }
  return json{{"type", "TemplateProcessing"},
              {"single", std::move(single)},
              {"pair", std::move(pair)},
              {"special_tokens", std::move(special)}};
}

Result<json> model(const GgufFile& file, const std::vector<std::string>& tokens,
                   bool ignore_merges) {
  Result<std::vector<std::string>> merges = required<std::vector<std::string>>(file, "merges");
  if (!merges) return merges.error();
  json vocabulary = json::object();
  for (std::size_t id = 0; id < tokens.size(); ++id)
    vocabulary[tokens[id]] = id;
  if (vocabulary.size() != tokens.size()) {
    return corrupt(file.name() + ": a token occurs twice. Fetch the file again.");
  }
  return json{{"type", "BPE"},
              {"vocab", std::move(vocabulary)},
              {"merges", std::move(*merges)},
              {"ignore_merges", ignore_merges}};
}

// SentencePiece's pieces and scores as Llama 2 uses them: BPE with a fallback to bytes.
Result<json> sentencepiece_model(const GgufFile& file, const std::vector<std::string>& tokens) {
  const auto scores = required<std::vector<double>>(file, "scores");
  if (!scores) return scores.error();
  const auto types = required<std::vector<std::int64_t>>(file, "token_type");
  if (!types) return types.error();
  if (scores->size() != tokens.size() || types->size() != tokens.size()) {
    return corrupt(file.name() + ": there are " + std::to_string(tokens.size()) +
                   " tokens, but another number of scores or types. Fetch the file again.");
  }
  json vocabulary = json::object();
  std::vector<ScoredPiece> pieces;
  for (std::size_t id = 0; id < tokens.size(); ++id) {
    vocabulary[tokens[id]] = id;
    pieces.push_back({tokens[id], (*scores)[id], (*types)[id] == kNormal});
  }
  json merges = json::array();
  for (const auto& [left, right] : merges_of_scores(pieces))
    merges.push_back(json::array({left, right}));
  json made{{"type", "BPE"},
            {"vocab", std::move(vocabulary)},
            {"merges", std::move(merges)},
            {"fuse_unk", true},
            {"byte_fallback", true}};
  const GgufValue* const unknown = find(file, "unknown_token_id");
  const auto* id = unknown != nullptr ? std::get_if<std::uint64_t>(unknown) : nullptr;
  if (id != nullptr && *id < tokens.size()) made["unk_token"] = tokens[*id];
  return made;
}

// Spaces are the character U+2581, and one stands in front of every text unless the file says
// otherwise.
json sentencepiece_normalizer(const GgufFile& file) {
  const char* const space = "\u2581";
  json steps = json::array();
  if (flag(file, "add_space_prefix", true))
    steps.push_back({{"type", "Prepend"}, {"prepend", space}});
  steps.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", space}});
  return {{"type", "Sequence"}, {"normalizers", std::move(steps)}};
}

json sentencepiece_decoder(const GgufFile& file) {
  json steps =
      json::array({{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
                   {{"type", "ByteFallback"}},
                   {{"type", "Fuse"}}});
  if (flag(file, "add_space_prefix", true))
    steps.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"type", "Sequence"}, {"decoders", std::move(steps)}};
}

// What fills up a batch, or null.
json padding(const GgufFile& file, const std::vector<std::string>& tokens) {
  const GgufValue* const pad = find(file, "padding_token_id");
  const auto* const id = pad != nullptr ? std::get_if<std::uint64_t>(pad) : nullptr;
  if (id == nullptr || *id >= tokens.size()) return nullptr;
  return {{"strategy", "BatchLongest"},
          {"direction", "Right"},
          {"pad_to_multiple_of", nullptr},
          {"pad_id", *id},
          {"pad_type_id", 0},
          {"pad_token", tokens[*id]}};
}

Result<json> sentencepiece_json(const GgufFile& file) {
  const auto tokens = required<std::vector<std::string>>(file, "tokens");
  if (!tokens) return tokens.error();
  Result<json> added = added_tokens(file, *tokens);
  if (!added) return added.error();
  Result<json> pieces = sentencepiece_model(file, *tokens);
  if (!pieces) return pieces.error();
  Family family;
  family.adds_bos = family.bos_in_pair = true;
  Result<json> processor = post_processor(file, *tokens, family);
  if (!processor) return processor.error();
  return json{{"version", "1.0"},
              {"truncation", nullptr},
              {"padding", padding(file, *tokens)},
              {"added_tokens", std::move(*added)},
              {"normalizer", sentencepiece_normalizer(file)},
              {"pre_tokenizer", nullptr},
              {"post_processor", std::move(*processor)},
              {"decoder", sentencepiece_decoder(file)},
              {"model", std::move(*pieces)}};
}

}  // namespace

Result<json> gguf_tokenizer_json(const GgufFile& file) {
  const Result<std::string> type = required<std::string>(file, "model");
  if (!type) return type.error();
  if (*type == "llama") return sentencepiece_json(file);
  if (*type != "gpt2") {
    return unsupported(file.name() + ": tokenizer.ggml.model", *type, {"gpt2", "llama"});
  }
  const Result<std::string> pre = required<std::string>(file, "pre");
  if (!pre) return pre.error();
  const Result<Family> family = find_family(*pre, file.name());
  if (!family) return family.error();
  const auto tokens = required<std::vector<std::string>>(file, "tokens");
  if (!tokens) return tokens.error();

  Result<json> added = added_tokens(file, *tokens);
  if (!added) return added.error();
  Result<json> bpe = model(file, *tokens, family->ignore_merges);
  if (!bpe) return bpe.error();
  Result<json> processor = post_processor(file, *tokens, *family);
  if (!processor) return processor.error();
  return json{{"version", "1.0"},
              {"truncation", nullptr},
              {"padding", padding(file, *tokens)},
              {"added_tokens", std::move(*added)},
              {"normalizer", family->normalizer},
              {"pre_tokenizer", family->pre_tokenizer},
              {"post_processor", std::move(*processor)},
              {"decoder", byte_level(true)},
              {"model", std::move(*bpe)}};
}

}  // namespace plateau::trainer
