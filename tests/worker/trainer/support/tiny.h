// A small BERT with random weights, a small task, and trials on them: what the trainer's tests run.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "common/spec/trial.h"
#include "worker/trainer/data/dataset.h"
#include "worker/trainer/model/model.h"
#include "worker/trainer/pack/member.h"

namespace plateau::trainer::testing {

// A fresh folder under the system's temporary one, named after the running test.
std::filesystem::path fresh_folder(const std::string& name);

// hidden 16, 2 layers, 2 heads, intermediate 24, vocabulary 40, 32 positions. Weights are large
// enough that attention and GELU work in their bent parts. `prefix` goes in front of every name.
std::filesystem::path write_tiny_bert(const std::string& prefix = "bert.");

std::shared_ptr<const Model> tiny_bert(at::ScalarType dtype = at::kDouble,
                                       Pooling pooling = Pooling::kMean,
                                       Storage storage = Storage::kAsInFile);

// `items` texts of 2 to 9 tokens with labels 0, 1, 2 that depend on the tokens; all three splits
// hold the same kind.
std::shared_ptr<const Dataset> tiny_data(std::int64_t items = 24);
// Data as a folder of token ids, which needs no tokenizer; with labels of items (or their targets,
// where it has no labels), or of tokens where it has those.
std::filesystem::path write_task(const Dataset& data);

// A method's parameters, complete: `rank` (or as many virtual tokens), dropout 0.1 where there is
// one, positions f2+l1, defaults.
nlohmann::json tiny_parameters(const std::string& method, std::int64_t rank);

// Any method with those; batches of 4, float64, on tiny_data's task.
Trial tiny_trial(const std::string& method, std::int64_t rank, std::uint64_t seed);

// Member on tiny_bert() and tiny_data(); aborts on failure.
std::unique_ptr<Member> tiny_member(const Trial& trial, std::shared_ptr<const Model> model,
                                    std::shared_ptr<const Dataset> data);

// The L2 norm over all tensors of a - b.
double distance(const TensorMap& a, const TensorMap& b);

}  // namespace plateau::trainer::testing
