// One small model with random weights a family: what every method is tried on. tiny.h has the small
// BERT alone.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "common/spec/parameters.h"
#include "common/spec/trial.h"
#include "tests/worker/trainer/support/tiny.h"

namespace plateau::trainer::testing {

// An architecture with one way of using it: a classifier of its own, or language modelling.
struct Family {
  std::string name;       // "llama_lm"
  nlohmann::json config;  // config.json
  BaseFacts facts;        // the same, by hand
  Pooling pooling = Pooling::kMean;
  std::string kind = "classification";  // of the task, where it is none of language modelling

  bool is_language_model() const { return pooling == Pooling::kTokens; }
};

inline void PrintTo(const Family& family, std::ostream* out) {
  *out << family.name;
}

// hidden 16, 2 layers, intermediate 24, vocabulary 40, 32 positions: bert (mean pooling), roberta
// and gpt2 (their own classifiers), llama with grouped keys (its classifier), gpt2_lm and llama_lm
// (language modelling), bert_regression.
const std::vector<Family>& families();

// A folder with the family's config.json and weights, large enough that attention and activations
// work in their bent parts.
std::filesystem::path write_family(const Family& family);
std::shared_ptr<const Model> family_model(const Family& family, at::ScalarType dtype = at::kDouble,
                                          Storage storage = Storage::kAsInFile);
// tiny_data(); in language modelling texts of ascending ids, whose first two tokens are not to be
// predicted.
std::shared_ptr<const Dataset> family_data(const Family& family);
// tiny_trial(), with the task and pooling of the family.
Trial family_trial(const Family& family, const std::string& method, std::int64_t rank,
                   std::uint64_t seed);

}  // namespace plateau::trainer::testing
