// Makes the parts of a tokenizer from the sections of tokenizer.json. Internal to this folder.
//
// Each function takes one section; null gives none of that part. kInvalidArgument names a type that
// is not supported and those that are; kCorrupt names a missing field. `name` is the file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "worker/trainer/tokenizer/components.h"
#include "worker/trainer/tokenizer/template_processor.h"

namespace plateau::trainer {

Result<std::vector<std::unique_ptr<Normalizer>>> make_normalizers(const nlohmann::json& section,
                                                                  const std::string& name);
Result<std::vector<std::unique_ptr<PreTokenizer>>> make_pre_tokenizers(
    const nlohmann::json& section, const std::string& name);
Result<std::unique_ptr<TokenModel>> make_model(const nlohmann::json& section,
                                               const std::string& name);
Result<TemplateProcessor> make_post_processor(const nlohmann::json& section,
                                              const std::string& name);
Result<std::vector<std::unique_ptr<Decoder>>> make_decoders(const nlohmann::json& section,
                                                            const std::string& name);

}  // namespace plateau::trainer
