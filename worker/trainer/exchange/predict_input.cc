#include "worker/trainer/exchange/predict_input.h"

#include <algorithm>
#include <optional>

#ifdef PLATEAU_WITH_ICU
#include "worker/trainer/tokenizer/tokenizer.h"
#endif

namespace plateau::trainer {
namespace {

using Json = nlohmann::json;

struct Tokens {
  std::vector<std::int32_t> ids, types;
  std::vector<std::int64_t> labels;  // as Split has them; in language modelling alone
};

constexpr char kForms[] =
    "is neither a JSON string, a pair of strings, a list of token ids nor an object with "
    "\"input_ids\"";

// Reads tokenizer.json when the first text comes.
class Texts {
 public:
  explicit Texts(std::filesystem::path base) : base_(std::move(base)) {}

#ifdef PLATEAU_WITH_ICU
  Result<Tokens> operator()(const Json& text) {
    if (!tokenizer_) {
      auto read = Tokenizer::from_folder(base_);
      if (!read) return read.error();
      tokenizer_.emplace(std::move(*read));
    }
    const std::string first = text.is_string() ? text : text[0];
    std::optional<std::string> second;
    if (text.is_array()) second = text[1].get<std::string>();
    const Encoding encoding = tokenizer_->encode(first, second, EncodeOptions{});
    return Tokens{encoding.ids, encoding.type_ids, {}};
  }

 private:
  std::optional<Tokenizer> tokenizer_;
#else
  Result<Tokens> operator()(const Json&) {
    return invalid_argument("is a text, but this build has no tokenizer for " + base_.string() +
                            "; install libicu-dev and build again, or give token ids");
  }

 private:
#endif
  std::filesystem::path base_;
};

std::optional<std::vector<std::int32_t>> whole_numbers(const Json& list) {
  const bool fits = list.is_array() && !list.empty() &&
                    std::all_of(list.begin(), list.end(), [](const Json& item) {
                      return item.is_number_integer() && item >= 0 && item < (1 << 30);
                    });
  if (!fits) return std::nullopt;
  return list.get<std::vector<std::int32_t>>();
}

bool is_text(const Json& line) {
  return line.is_string() ||
         (line.is_array() && line.size() == 2 && line[0].is_string() && line[1].is_string());
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
  auto tokens = is_text(line) ? texts(line) : ids_of(line);
  if (!tokens || !predicts_tokens) return tokens;
  tokens->labels.assign(tokens->ids.begin(), tokens->ids.end());
  if (!line.is_object() || !line.contains("labels")) return tokens;
  auto labels = labels_of(line, tokens->ids);
  if (!labels) return labels.error();
  tokens->labels = std::move(*labels);
  return tokens;
}

Status check_fits(const Tokens& tokens, const Model& model, const Adapter& adapter) {
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
  split.type_ids.insert(split.type_ids.end(), tokens.types.begin(), tokens.types.end());
  split.token_labels.insert(split.token_labels.end(), tokens.labels.begin(), tokens.labels.end());
  split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
  split.item_ids.push_back(std::to_string(split.size()));
}

}  // namespace

Result<Split> read_predict_input(std::istream& in, const std::filesystem::path& base,
                                 const Model& model, const Adapter& adapter) {
  Split split;
  Texts texts(base);
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const auto tokens = tokens_of(Json::parse(line, nullptr, false), texts,
                                  model.info().pooling == Pooling::kTokens);
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
