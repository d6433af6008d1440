// A text becomes token ids, and back: a pipeline of parts read from a model's
// tokenizer.json or GGUF file.
//
// encode: added tokens are cut out -> normaliser -> pre-tokeniser -> model -> truncation ->
// post-processor (special tokens). The ids are those of the Hugging Face library of the same file.
// Truncation and padding that the file asks for are ignored: they are settings of the caller.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/trainer/tokenizer/added_tokens.h"
#include "worker/trainer/tokenizer/components.h"
#include "worker/trainer/tokenizer/template_processor.h"

namespace plateau::trainer {

struct EncodeOptions {
  bool add_special_tokens = true;
  std::int64_t max_length = 0;  // tokens, special tokens included; 0: never cut
};

struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;  // as long as ids
  bool truncated = false;              // tokens were cut off to fit max_length
};

// The parts of a tokenizer. Several normalisers, pre-tokenisers or decoders run in their order.
struct TokenizerParts {
  AddedTokens added;
  std::vector<std::unique_ptr<Normalizer>> normalizers;
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers;
  std::unique_ptr<TokenModel> model;  // never null
  TemplateProcessor post_processor;
  std::vector<std::unique_ptr<Decoder>> decoders;
  std::int32_t pad_id = 0;
  std::string sha256;  // of the file that all this was read from
};

// Immutable after construction: any number of threads may use one.
class Tokenizer {
 public:
  explicit Tokenizer(TokenizerParts parts);

  // Reads `folder`/tokenizer.json, or without one the tokenizer inside the folder's only *.gguf;
  // `folder` may also be a GGUF file itself. kNotFound; kCorrupt names the file and the part;
  // kInvalidArgument names a component that is not supported, and those that are.
  static Result<Tokenizer> from_folder(const std::filesystem::path& folder);
  // The same from text; `name` stands for the file in messages.
  static Result<Tokenizer> from_json(std::string_view text, const std::string& name);

  // Text is UTF-8; broken bytes count as U+FFFD. Too long: longest first, from the right.
  Encoding encode(std::string_view text, std::optional<std::string_view> pair,
                  const EncodeOptions& options) const;
  Encoding encode(std::string_view text, const EncodeOptions& options) const {
    return encode(text, std::nullopt, options);
  }
  // Ids that are no tokens are left out, as Hugging Face does.
  std::string decode(std::span<const std::int32_t> ids, bool skip_special_tokens = true) const;

  std::int32_t pad_id() const { return parts_.pad_id; }
  // SHA-256 of tokenizer.json (of what it would be, for a GGUF file): two tokenizers with the same
  // hash give the same ids.
  const std::string& sha256() const { return parts_.sha256; }

 private:
  std::vector<std::int32_t> tokenize(std::string_view text) const;
  void tokenize_segment(std::string_view segment, bool at_start,
                        std::vector<std::int32_t>& ids) const;

  TokenizerParts parts_;
};

// The text of a tokenizer.json that does what the tokenizer inside a GGUF file does, for the
// library tokenizers too. Errors as from_folder()'s.
Result<std::string> tokenizer_json_of_gguf(const std::filesystem::path& path);

}  // namespace plateau::trainer
