#include <map>
#include <utility>
#include <vector>

#include "common/spec/base_settings.h"
#include "common/spec/parameters.h"

namespace plateau {
namespace {

using Json = nlohmann::json;
using Fields = std::vector<std::pair<const char*, std::int64_t*>>;

bool is_given(const Json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && !found->is_null();
}

bool flag(const Json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && found->is_boolean() && found->get<bool>();
}

Status read(const Json& config, const std::string& where, const Fields& fields) {
  for (const auto& [key, target] : fields) {
    const auto found = config.find(key);
    const bool fits = found != config.end() && found->is_number_integer() &&
                      found->get<std::int64_t>() > 0 && found->get<std::int64_t>() <= 1 << 24;
    if (!fits) {
      return corrupt(where + " has " +
                     (found == config.end() ? "no " + std::string(key)
                                            : std::string(key) + " " + found->dump()) +
                     "; a whole number from 1 is needed");
    }
    *target = found->get<std::int64_t>();
  }
  return {};
}

Status read_encoder(const Json& config, const std::string& where, BaseFacts& facts) {
  return read(config, where,
              {{"num_hidden_layers", &facts.layers},
               {"hidden_size", &facts.hidden},
               {"intermediate_size", &facts.intermediate},
               {"num_attention_heads", &facts.heads},
               {"vocab_size", &facts.vocabulary},
               {"max_position_embeddings", &facts.max_positions},
               {"type_vocab_size", &facts.token_types}});
}

Status read_gpt2(const Json& config, const std::string& where, BaseFacts& facts) {
  Status status = read(config, where,
                       {{"n_layer", &facts.layers},
                        {"n_embd", &facts.hidden},
                        {"n_head", &facts.heads},
                        {"vocab_size", &facts.vocabulary},
                        {"n_positions", &facts.max_positions}});
  facts.intermediate = 4 * facts.hidden;
  facts.ties_output =
      !config.contains("tie_word_embeddings") || flag(config, "tie_word_embeddings");
  if (!status || !is_given(config, "n_inner")) return status;
  return read(config, where, {{"n_inner", &facts.intermediate}});
}

Status read_llama(const Json& config, const std::string& where, BaseFacts& facts) {
  Status status = read(config, where,
                       {{"num_hidden_layers", &facts.layers},
                        {"hidden_size", &facts.hidden},
                        {"intermediate_size", &facts.intermediate},
                        {"num_attention_heads", &facts.heads},
                        {"vocab_size", &facts.vocabulary},
                        {"max_position_embeddings", &facts.max_positions}});
  if (!status) return status;
  std::int64_t key_heads = facts.heads, width = facts.hidden / facts.heads;
  Fields optional;
  if (is_given(config, "num_key_value_heads"))
    optional.emplace_back("num_key_value_heads", &key_heads);
  if (is_given(config, "head_dim")) optional.emplace_back("head_dim", &width);
  status = read(config, where, optional);
  facts.query_width = facts.heads * width;
  facts.key_width = key_heads * width;
  facts.out_bias = facts.model_type == "llama" && flag(config, "attention_bias");
  facts.qkv_bias = facts.out_bias || facts.model_type == "qwen2";
  facts.ties_output = flag(config, "tie_word_embeddings");
  facts.mlp_bias = facts.model_type == "llama" && flag(config, "mlp_bias");
  return status;
}

using Reader = Status (*)(const Json& config, const std::string& where, BaseFacts& facts);

}  // namespace

Result<BaseFacts> base_facts_from_config(const Json& config, const std::string& where) {
  static const std::map<std::string, Reader> kReaders = {
      {"bert", read_encoder}, {"roberta", read_encoder}, {"gpt2", read_gpt2},
      {"llama", read_llama},  {"mistral", read_llama},   {"qwen2", read_llama}};
  if (!config.is_object()) return corrupt(where + " is no JSON object");
  const Json type = config.value("model_type", Json(""));
  const auto reader = kReaders.find(type.is_string() ? type.get<std::string>() : "");
  if (reader == kReaders.end()) {
    return invalid_argument(where + " has model_type " + type.dump() +
                            "; supported are bert, roberta, gpt2, llama, mistral and qwen2");
  }
  BaseFacts facts;
  facts.model_type = type;
  if (Status status = reader->second(config, where, facts); !status) return status.error();
  if (Status status = check_settings(config, where); !status) return status.error();
  return facts;
}

}  // namespace plateau
