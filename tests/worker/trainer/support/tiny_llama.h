// A small Llama with random weights, as a folder in Hugging Face format.
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include "worker/trainer/model/tensors.h"

namespace plateau::trainer::testing {

// hidden 16, 2 layers, 4 heads and 2 key heads of width 4, intermediate 24, vocabulary 40,
// 32 positions, tied output embeddings.
nlohmann::json tiny_llama_config();
// float64, by Hugging Face's names.
TensorMap tiny_llama_tensors();
std::filesystem::path write_tiny_llama(const nlohmann::json& config = tiny_llama_config(),
                                       const TensorMap& tensors = tiny_llama_tensors());

}  // namespace plateau::trainer::testing
