// What the metadata of a GGUF file say about its model, in the words of Hugging Face's config.json:
// one description for whoever plans and for whoever computes.
#pragma once

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/gguf/gguf.h"

namespace plateau {

// Architectures llama (Mistral too, which calls itself that) and qwen2. Output embeddings are tied
// where the file has no output.weight; Llama 3's frequencies, which GGUF keeps as a tensor of
// divisors, become rope_scaling "longrope", whose factors are just that. Ids of the tokens that
// begin, end and pad are there where the file has them. kInvalidArgument: another architecture, by
// name, a mixture of experts, or heads of which rotary positions turn a part; kCorrupt names a key
// that is missing or of another type.
Result<nlohmann::json> config_of_gguf(const GgufFile& file);

// Of a text in the metadata; empty where there is none.
std::string gguf_text(const GgufFile& file, const std::string& key);

}  // namespace plateau
