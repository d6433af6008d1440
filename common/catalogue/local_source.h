// Bases and tasks in local folders.
#pragma once

#include <filesystem>

#include "common/base/result.h"
#include "common/spec/sweep.h"

namespace plateau {

// A folder in Hugging Face format (config.json, model.safetensors or its shards, tokenizer.json),
// or a GGUF file or a folder with one. An encoder's pooling is what 1_Pooling/config.json says,
// else mean; a decoder's is its last token. The weights' SHA-256 is computed once and remembered.
// kNotFound, kCorrupt, kInvalidArgument: an architecture that is not supported.
Result<BaseSource> local_base(const SourceReference& reference, const std::filesystem::path& cache);

// A folder of {train,validation,test}.jsonl, .csv or .tsv (train is needed), or one such file.
// Reads the training rows once, for columns and classes: columns are `sentence` or
// `sentence1`/`sentence2` or `text`, and `label`, unless `columns` names others; rows with
// `input_ids` need no text. Classes are those that
// `labels` names, in its order (whole numbers in the data are then indices), else those in the
// data: numbers by value, words by the alphabet. Labels that are fractions make it a regression.
// `kind: causal_lm` has no labels: rows have `text`, or `prompt` and `completion`, or `input_ids`
// (and `labels`, as Hugging Face has them).
// kNotFound, kCorrupt, kInvalidArgument: a missing column, a label outside of `labels`.
Result<TaskSource> local_task(const SourceReference& reference, const std::filesystem::path& cache);

// The SHA-256 over the task's files alone, as in TaskSpec::sha256.
Result<std::string> task_sha256(const SourceReference& reference,
                                const std::filesystem::path& cache);

}  // namespace plateau
