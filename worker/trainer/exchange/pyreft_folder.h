// LoReFT in pyreft's own format: config.json, one intkey_KEY.bin an intervention, and
// pytorch_model.bin with the head. https://github.com/stanfordnlp/pyreft 0.1.0, pyvene 0.1.8.
#pragma once

#include <filesystem>
#include <string>

#include "worker/trainer/exchange/trained.h"

namespace plateau::trainer {

// Whether `folder` holds a config.json with pyvene's "representations".
bool is_pyreft_folder(const std::filesystem::path& folder);

// Reads such a folder; tensors by the names that Adapter::import and Head::trained use. pyreft does
// not store where in a text its interventions act, so `positions` ("f1+l1") says it; empty: what
// this trainer wrote beside them. Two interventions a layer act on the first and on the last
// tokens, one on both. kNotFound; kCorrupt; kInvalidArgument: no positions, interventions of
// another kind, layers that differ in their number of interventions.
Result<AdapterFiles> read_pyreft_folder(const std::filesystem::path& folder, const Model& model,
                                        const std::string& positions);

// kInvalidArgument: another method than LoReFT. kIo.
Status save_pyreft_folder(const std::filesystem::path& out, const Trained& trained,
                          const Model& model);

}  // namespace plateau::trainer
