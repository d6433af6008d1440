#include "worker/trainer/exchange/predict_input.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "common/spec/task_kinds.h"
#include "worker/trainer/data/tokenize.h"

namespace plateau::trainer {
namespace {

using Json = nlohmann::json;

constexpr char kForms[] =
    "is neither a JSON string, a pair of strings, a list of token ids nor an object with "
    "\"input_ids\", or with \"prompt\" and \"completion\" (language modelling)";

// The texts of a line.
std::optional<Row> row_of(const Json& line, bool predicts_tokens) {
  Row row;
  const auto is_text = [](const Json& json, const char* key) {
    return json.contains(key) && json[key].is_string();
  };
  if (line.is_string()) {
    row.text = line;
    return row;
  }
  if (predicts_tokens) {
    if (!line.is_object() || !is_text(line, "prompt") || !is_text(line, "completion")) return {};
    row.text = line["prompt"];
    row.text_pair = line["completion"].get<std::string>();
    return row;
  }
  if (!line.is_array() || line.size() != 2 || !line[0].is_string() || !line[1].is_string())
    return {};
  row.text = line[0];
  row.text_pair = line[1].get<std::string>();
  return row;
}

// As in training, but uncut. Reads tokenizer.json when the first text comes.
class Texts {
 public:
  Texts(std::filesystem::path base, bool predicts_tokens) : base_(std::move(base)) {
    if (predicts_tokens) task_.kind = kCausalLm;
    task_.max_length = std::numeric_limits<std::int32_t>::max();
  }

  Result<Tokens> operator()(const Row& row) {
    if (!tokenizer_) {
      auto made = RowTokenizer::create(base_);
      if (!made) return Error{made.error().kind, "is a text: " + made.error().message};
      tokenizer_.emplace(std::move(*made));
    }
    return (*tokenizer_)(row, task_);
  }

 private:
  std::filesystem::path base_;
  TaskSpec task_;
  std::optional<RowTokenizer> tokenizer_;
};

std::optional<std::vector<std::int32_t>> whole_numbers(const Json& list) {
  const bool fits = list.is_array() && !list.empty() &&
                    std::all_of(list.begin(), list.end(), [](const Json& item) {
                      return item.is_number_integer() && item >= 0 && item < (1 << 30);
                    });
  if (!fits) return std::nullopt;
  return list.get<std::vector<std::int32_t>>();
}

// Each token's own id, or -100 where it is given and not to be predicted.
Result<std::vector<std::int64_t>> labels_of(const Json& line,
                                            const std::vector<std::int32_t>& ids) {
  const Json& labels = line["labels"];
  bool fits = labels.is_array() && labels.size() == ids.size();
  for (std::size_t i = 0; fits && i < ids.size(); ++i)
    fits = labels[i] == -100 || labels[i] == ids[i];
  if (fits) return labels.get<std::vector<std::int64_t>>();
  return invalid_argument("has labels that are not, one a token, its id or -100");
}

Result<Tokens> ids_of(const Json& line) {
  const bool object = line.is_object() && line.contains("input_ids");
  const auto ids = whole_numbers(object ? line["input_ids"] : line);
  if (!ids) return invalid_argument(kForms);
  if (!object || !line.contains("token_type_ids"))
    return Tokens{*ids, std::vector<std::int32_t>(ids->size(), 0), {}};
  const auto types = whole_numbers(line["token_type_ids"]);
  if (!types || types->size() != ids->size())
    return invalid_argument("has token_type_ids that are not one whole number a token");
  return Tokens{*ids, *types, {}};
}

Result<Tokens> tokens_of(const Json& line, Texts& texts, bool predicts_tokens) {
  if (const auto row = row_of(line, predicts_tokens)) return texts(*row);
  auto tokens = ids_of(line);
  if (!tokens || !predicts_tokens) return tokens;
  tokens->labels.assign(tokens->ids.begin(), tokens->ids.end());
  if (!line.is_object() || !line.contains("labels")) return tokens;
  auto labels = labels_of(line, tokens->ids);
  if (!labels) return labels.error();
  tokens->labels = std::move(*labels);
  return tokens;
}

Status check_fits(const Tokens& tokens, const Model& model, const Adapter& adapter) {
  if (tokens.ids.empty()) return invalid_argument("has no tokens");
  const ModelInfo& info = model.info();
  const auto largest = *std::max_element(tokens.ids.begin(), tokens.ids.end());
  if (largest >= info.vocabulary) {
    return invalid_argument("has the token id " + std::to_string(largest) +
                            ", but the base's vocabulary ends at " +
                            std::to_string(info.vocabulary - 1));
  }
  const auto length = static_cast<std::int64_t>(tokens.ids.size()) + adapter.virtual_tokens() +
                      adapter.prefix_tokens();
  if (length <= info.max_positions) return {};
  return invalid_argument("has " + std::to_string(length) +
                          " tokens, virtual ones and prefixes included, but the base has " +
                          std::to_string(info.max_positions) + " positions; shorten the text");
}

void append(const Tokens& tokens, Split& split) {
  split.ids.insert(split.ids.end(), tokens.ids.begin(), tokens.ids.end());
  split.type_ids.insert(split.type_ids.end(), tokens.type_ids.begin(), tokens.type_ids.end());
  split.token_labels.insert(split.token_labels.end(), tokens.labels.begin(), tokens.labels.end());
  split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
  split.item_ids.push_back(std::to_string(split.size()));
}

}  // namespace

Result<Split> read_predict_input(std::istream& in, const std::filesystem::path& base,
                                 const Model& model, const Adapter& adapter) {
  Split split;
  const bool predicts_tokens = model.info().pooling == Pooling::kTokens;
  Texts texts(base, predicts_tokens);
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const auto tokens = tokens_of(Json::parse(line, nullptr, false), texts, predicts_tokens);
    Status status = tokens ? check_fits(*tokens, model, adapter) : Status(tokens.error());
    if (!status) {
      return Error{status.error().kind,
                   "line " + std::to_string(number) + " " + status.error().message};
    }
    append(*tokens, split);
  }
  return split;
}

}  // namespace plateau::trainer
