// A base's tokenizer beside a model that was made of the base.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/result.h"

namespace plateau::trainer {

// Copies the tokenizer's files of the folder `base` into `out`. Of a GGUF base tokenizer.json is
// made of what the file holds, with a tokenizer_config.json, so that transformers' AutoTokenizer
// loads both; where that cannot be, none is written and the returned text says why, for the user.
// Empty: all is well. kIo.
Result<std::string> save_tokenizer(const std::filesystem::path& base,
                                   const std::filesystem::path& out);

}  // namespace plateau::trainer
