// Runs a reference case of a "golden" folder with this trainer: initial weights, one batch, ten
// AdamW steps. Format: the README of the folder.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "worker/trainer/pack/member.h"

namespace plateau::trainer {

// ${PLATEAU_SHARED}/golden, or ../shared/golden beside the source tree; nullopt: not here.
std::optional<std::filesystem::path> golden_folder();
// The folder of a model of the cases: models/<name>, or for "minilm" the catalogue's copy in the
// cache (or ${PLATEAU_MINILM}); nullopt: not here.
std::optional<std::filesystem::path> golden_model(const std::string& name);

struct GoldenRun {
  nlohmann::json expected;             // result.json
  std::unique_ptr<Member> member;      // after the ten steps
  std::vector<double> losses;          // 11: before each update, and after the last
  std::vector<double> gradient_norms;  // 10
  at::Tensor logits_before, logits_after;
  TensorMap initial, final;  // of trained(), by our names
};

// `model` and `method` name the case's folder.
Result<GoldenRun> run_golden_case(const std::string& model, const std::string& method);

// The case's final weights by our names; empty where the case stores check sums only.
Result<TensorMap> expected_final(const std::string& model, const std::string& method,
                                 GoldenRun& run);

// U(-bound, bound) of the cases whose initial weights are not stored.
at::Tensor synth_uniform(const std::string& name, const std::vector<std::int64_t>& shape,
                         double bound);

}  // namespace plateau::trainer
