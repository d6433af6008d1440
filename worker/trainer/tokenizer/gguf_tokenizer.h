// The tokenizer inside a GGUF file, as the tokenizer.json that says the same. Internal; pure.
//
// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, section "Tokenizer".
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/gguf/gguf.h"

namespace plateau::trainer {

// Byte-level BPE (tokenizer.ggml.model "gpt2") with one of the pre-tokenisers gpt-2, smollm,
// llama-bpe and qwen2, or SentencePiece's pieces with scores ("llama"). kCorrupt names a key that
// is missing or of another type; kInvalidArgument a model or pre-tokeniser that is not supported,
// and those that are.
Result<nlohmann::json> gguf_tokenizer_json(const GgufFile& file);

}  // namespace plateau::trainer
