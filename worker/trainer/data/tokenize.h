// Rows to tokens: texts through the base's tokenizer, rows that bring token ids as they are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/spec/trial.h"
#include "worker/trainer/data/dataset.h"
#include "worker/trainer/data/rows.h"

namespace plateau::trainer {

class Tokenizer;

struct Tokens {
  std::vector<std::int32_t> ids;
  std::vector<std::int32_t> type_ids;
  std::vector<std::int64_t> labels;  // language modelling: Split::token_labels
  bool truncated = false;
};

// Without a tokenizer, and in a build without ICU, only for rows that bring their tokens.
class RowTokenizer {
 public:
  // kInvalidArgument in a build without ICU.
  static Result<RowTokenizer> create(const std::filesystem::path& base_folder);

  // At most task.max_length tokens. A text is cut at its end. Of a prompt with its completion
  // (language modelling) the latter is predicted, each has its own tokens, and where they are too
  // long together the prompt loses its beginning. kInvalidArgument: too many token ids.
  Result<Tokens> operator()(const Row& row, const TaskSpec& task) const;

  std::int32_t pad_id() const;

 private:
  Tokens tokenize(const Row& row, const TaskSpec& task) const;

  std::shared_ptr<const Tokenizer> tokenizer_;
};

// Puts a row with its tokens behind the split's last item.
void append_item(const Row& row, const Tokens& tokens, const TaskSpec& task, Split& split);

}  // namespace plateau::trainer
