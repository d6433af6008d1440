#include "common/gguf/config.h"

#include <optional>

#include "common/base/text.h"

namespace plateau {
namespace {

using Json = nlohmann::json;

// Numbers of one architecture's keys. The first failure is kept.
class Keys {
 public:
  Keys(const GgufFile& file, std::string prefix) : file_(file), prefix_(std::move(prefix)) {}

  std::optional<Json> find(const std::string& key) const {
    const auto found = file_.metadata().find(prefix_ + key);
    if (found == file_.metadata().end()) return {};
    return std::visit([](const auto& value) { return std::optional(Json(value)); }, found->second);
  }

  Json count(const std::string& key) {
    const std::optional<Json> value = find(key);
    if (value && value->is_number_integer() && *value > 0) return *value;
    fail(key, value, "a whole number from 1");
    return 1;
  }

  Json number(const std::string& key) {
    const std::optional<Json> value = find(key);
    if (value && value->is_number() && value->get<double>() > 0.0) return *value;
    fail(key, value, "a number above 0");
    return 1.0;
  }

  // Into config[name] where the file has it.
  void count_if_there(const std::string& key, const char* name, Json& config) {
    if (find(key)) config[name] = count(key);
  }

  const Status& status() const { return status_; }

 private:
  void fail(const std::string& key, const std::optional<Json>& value, const char* wanted) {
    if (!status_) return;
    status_ = corrupt(file_.name() + ": " + prefix_ + key + " is " +
                      (value ? value->dump().substr(0, 40) : "missing") + "; " + wanted +
                      " is needed. Fetch the file again.");
  }

  const GgufFile& file_;
  std::string prefix_;
  Status status_;
};

bool has(const GgufFile& file, const std::string& tensor) {
  return file.tensors().contains(tensor);
}

Result<Json> vocabulary_of(const GgufFile& file) {
  const auto table = file.tensors().find("token_embd.weight");
  if (table == file.tensors().end() || table->second.shape.size() != 2) {
    return corrupt(file.name() + " has no matrix token_embd.weight: it holds no language model");
  }
  return Json(table->second.shape[0]);
}

// Heads may differ from layer to layer in newer models; one number means all of them.
Status check_heads(const GgufFile& file, const Keys& keys) {
  for (const char* key :
       {"attention.head_count", "attention.head_count_kv", "feed_forward_length"}) {
    const auto value = keys.find(key);
    if (value && value->is_array()) {
      return invalid_argument(file.name() + ": " + key +
                              " differs from layer to layer, which is not supported");
    }
  }
  if (has(file, "blk.0.attn_q.bias") != has(file, "blk.0.attn_output.bias") &&
      gguf_text(file, "general.architecture") == "llama") {
    return invalid_argument(file.name() +
                            " has biases in some of attention's layers and not in the others, "
                            "which is not supported");
  }
  const auto experts = keys.find("expert_count");
  if (experts && experts->is_number() && *experts > 0) {
    return invalid_argument(file.name() + " is a mixture of experts, which is not supported");
  }
  return {};
}

// llama.cpp turns a head's first dimensions alone where a file says so; here heads turn whole.
Status check_turned(const GgufFile& file, Keys& keys, const Json& config) {
  const char* key = "rope.dimension_count";
  if (!keys.find(key) || !keys.status()) return {};
  const Json turned = keys.count(key);
  const std::int64_t even = config.at("hidden_size").get<std::int64_t>() /
                            config.at("num_attention_heads").get<std::int64_t>();
  const std::int64_t width = config.value("head_dim", even);
  if (!keys.status() || turned == width) return {};
  return invalid_argument(file.name() + ": " + key + " is " + turned.dump() + " in heads of " +
                          std::to_string(width) +
                          ": rotary positions in a part of each head are not supported");
}

void add_rope(const GgufFile& file, Keys& keys, Json& config) {
  if (keys.find("rope.freq_base")) config["rope_theta"] = keys.number("rope.freq_base");
  const auto factors = file.tensors().find("rope_freqs.weight");
  if (factors != file.tensors().end()) {
    const std::vector<float> divisors = decode_tensor(factors->second);
    config["rope_scaling"] = {{"rope_type", "longrope"},
                              {"factor", 1.0},
                              {"attention_factor", 1.0},
                              {"short_factor", divisors},
                              {"long_factor", divisors}};
    return;
  }
  // As llama.cpp reads it: linear where no type is said, by the older key too; a factor of 0 is
  // none.
  const Json type = keys.find("rope.scaling.type").value_or("linear");
  const char* const key =
      keys.find("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  const bool has_factor = keys.find(key).value_or(0) != 0;
  if (!type.is_string() || type == "none" || (type == "linear" && !has_factor)) return;
  Json scaling = {{"rope_type", type}};
  if (has_factor) scaling["factor"] = keys.number(key);
  keys.count_if_there("rope.scaling.original_context_length", "original_max_position_embeddings",
                      scaling);
  config["rope_scaling"] = scaling;
}

// The tokens that mean something to a model, by config.json's names.
void add_tokens(const GgufFile& file, Json& config) {
  const Keys keys(file, "tokenizer.ggml.");
  for (const auto& [key, name] :
       {std::pair{"bos_token_id", "bos_token_id"}, std::pair{"eos_token_id", "eos_token_id"},
        std::pair{"padding_token_id", "pad_token_id"}}) {
    const auto id = keys.find(key);
    if (id && id->is_number_unsigned()) config[name] = *id;
  }
}

}  // namespace

std::string gguf_text(const GgufFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return "";
  const auto* text = std::get_if<std::string>(&found->second);
  return text != nullptr ? *text : "";
}

Result<Json> config_of_gguf(const GgufFile& file) {
  const std::string architecture = gguf_text(file, "general.architecture");
  if (architecture != "llama" && architecture != "qwen2") {
    return invalid_argument(file.name() + ": the architecture '" + architecture +
                            "' is not supported in GGUF files; supported: llama, qwen2");
  }
  Keys keys(file, architecture + ".");
  if (Status status = check_heads(file, keys); !status) return status.error();
  Result<Json> vocabulary = vocabulary_of(file);
  if (!vocabulary) return vocabulary.error();
  Json config = {{"model_type", architecture},
                 {"hidden_size", keys.count("embedding_length")},
                 {"num_hidden_layers", keys.count("block_count")},
                 {"num_attention_heads", keys.count("attention.head_count")},
                 {"intermediate_size", keys.count("feed_forward_length")},
                 {"max_position_embeddings", keys.count("context_length")},
                 {"rms_norm_eps", keys.number("attention.layer_norm_rms_epsilon")},
                 {"vocab_size", *vocabulary},
                 {"hidden_act", "silu"},
                 {"tie_word_embeddings", !has(file, "output.weight")},
                 {"attention_bias", has(file, "blk.0.attn_output.bias")}};
  keys.count_if_there("attention.head_count_kv", "num_key_value_heads", config);
  keys.count_if_there("attention.key_length", "head_dim", config);
  keys.count_if_there("attention.sliding_window", "sliding_window", config);
  config["use_sliding_window"] = config.contains("sliding_window");
  config["max_window_layers"] = 0;  // as many lower layers are not concerned
  if (Status status = check_turned(file, keys, config); !status) return status.error();
  add_rope(file, keys, config);
  add_tokens(file, config);
  if (!keys.status()) return keys.status().error();
  return config;
}

}  // namespace plateau
