// A GGUF file as a base: llama.cpp's names and order of rows undone. Internal to this folder.
#pragma once

#include "worker/trainer/model/weight_source.h"

namespace plateau::trainer {

// kNotFound, kIo, kCorrupt, kInvalidArgument: an architecture that is not supported.
Result<BaseFiles> open_gguf_base(const std::filesystem::path& path);

// "model.layers.3.self_attn.q_proj.weight" as GGUF calls it: "blk.3.attn_q.weight"; empty: GGUF has
// no name for it.
std::string gguf_tensor_name(const std::string& name);

// For each row of Hugging Face's query or key matrix, the row of llama.cpp's: there the two halves
// of a head that the rotary embedding pairs up lie side by side.
std::vector<std::int64_t> unpermuted_rows(std::int64_t rows, std::int64_t heads);

}  // namespace plateau::trainer
