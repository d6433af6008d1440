// A trained model as a folder that transformers loads: config.json, model.safetensors, tokenizer.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "worker/trainer/exchange/trained.h"

namespace plateau::trainer {

// Writes the base with the adapter's update in its tensors, and the head, into `out` (made if
// needed). For methods that train the base's own tensors, full fine-tuning among them, this is the
// fine-tuned model. Tensors are float32, float64 where the model is; those that this trainer does
// not compute (a pooler beside mean pooling) are copied. A GGUF base becomes such a folder too: its
// blocks as numbers, with the update added to those, in transformers' order of rows. `labels` name
// the classes, in order; may be empty. The returned text is for the user: what the folder lacks,
// which a GGUF file's tokenizer may be; else empty.
//
// With the architecture's own pooling the folder is transformers' ...ForSequenceClassification.
// Mean pooling is no head of transformers: the folder then is the bare encoder, with the classifier
// beside it under "classifier.*" and {"plateau": {"pooling": "mean"}} in config.json.
//
// kInvalidArgument: a method that cannot be merged, an architecture whose head in transformers has
// another form. kIo.
Result<std::string> save_model_folder(const std::filesystem::path& out, const Trained& trained,
                                      const Model& model, const std::filesystem::path& base,
                                      const std::vector<std::string>& labels);

// The class of transformers that is this base with such a head, or null where there is none.
nlohmann::json transformers_class(const Model& model, const Head& head);

}  // namespace plateau::trainer
