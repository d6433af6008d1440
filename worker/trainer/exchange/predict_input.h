// What `plateau-trainer predict` reads: one text, or its token ids, a line.
#pragma once

#include <filesystem>
#include <istream>

#include "worker/trainer/adapters/adapter.h"
#include "worker/trainer/data/dataset.h"

namespace plateau::trainer {

// Reads until the end of `in`. A line is JSON: a text "…", a pair of texts ["…", "…"], token ids
// [101, …, 102], or {"input_ids": […], "token_type_ids": […]}. Language modelling has no pairs, but
// {"prompt": "…", "completion": "…"}, tokenised as in training; its objects with token ids may also
// have "labels", one a token: its id, or -100 for the prompt's. The completion is predicted and
// LoReFT's positions count in the prompt; without one every token is predicted and the whole text
// counts as the prompt. Texts go through `base`/tokenizer.json with its special tokens, uncut.
// kInvalidArgument names the line: another form, ids outside of the model's vocabulary, more tokens
// than positions, a text in a build without a tokenizer.
Result<Split> read_predict_input(std::istream& in, const std::filesystem::path& base,
                                 const Model& model, const Adapter& adapter);

}  // namespace plateau::trainer
