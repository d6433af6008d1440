#include "worker/trainer/check/expectation.h"

#include <algorithm>
#include <string>
#include <utility>

#include <ATen/ATen.h>

namespace plateau::trainer {
namespace {

std::vector<std::pair<std::string, at::Tensor>> logits_of(const GoldenRun& run) {
  return {
      {"before", run.logits_before}, {"after", run.logits_after}, {"merged", run.logits_merged}};
}

// A reference's [B, T, ...] at the texts' tokens only [rows, ...], as many as ours. The reference
// may have columns in front of the batch's: virtual tokens, which are rows here too, or padding.
at::Tensor text_rows(const at::Tensor& theirs, const GoldenBatch& batch, std::int64_t rows) {
  const std::int64_t in_front = theirs.size(1) - batch.mask.size(1);
  if (in_front < 0) return theirs;
  const std::int64_t texts = batch.mask.sum().item<std::int64_t>();
  const at::Tensor front =
      at::full({batch.mask.size(0), in_front}, rows > texts ? 1 : 0, at::kLong);
  const at::Tensor mask = at::cat({front, batch.mask}, 1).to(at::kBool);
  return theirs.flatten(0, 1).index_select(0, mask.flatten().nonzero().squeeze(1));
}

Status read_logits(const GoldenCase& golden, const GoldenBatch& batch, const GoldenRun& run,
                   TensorMap& logits) {
  const auto path = golden.folder / "logits.safetensors";
  const auto stored = read_tensors(path);
  if (!stored) return stored.error();
  for (const auto& [name, ours] : logits_of(run)) {
    const bool stored_here = stored->contains("logits_" + name);
    if (!stored_here && name == "merged") continue;
    if (!stored_here) return corrupt(path.string() + " has no tensor logits_" + name);
    for (const char* what : {"logits", "logsumexp"}) {
      const auto found = stored->find(std::string(what) + "_" + name);
      if (found == stored->end()) continue;
      const bool tokens = batch.is_language_model() && ours.defined() && found->second.dim() >= 2;
      logits[std::string(what) + " " + name] =
          tokens ? text_rows(found->second, batch, ours.size(0)) : found->second;
    }
  }
  return {};
}

Result<TensorMap> read_sums(const nlohmann::json& sums) {
  TensorMap result;
  for (const auto& [name, pair] : sums.items()) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_number()) {
      return corrupt("\"final_checksums\" of " + name + " is no [sum, norm]");
    }
    result[plain_name(name)] =
        at::tensor({pair[0].get<double>(), pair[1].get<double>()}, at::kDouble);
  }
  return result;
}

at::Tensor sums_of(const at::Tensor& tensor) {
  const at::Tensor exact = tensor.to(at::kDouble);
  return at::stack({exact.sum(), exact.norm()}).to(at::kCPU);
}

}  // namespace

Result<Expectation> recorded(const GoldenCase& golden, const GoldenBatch& batch,
                             const GoldenRun& run) {
  const nlohmann::json& result = golden.result;
  Expectation record;
  if (Status status = read_logits(golden, batch, run, record.logits); !status)
    return status.error();
  record.losses = result.at("losses").get<std::vector<double>>();
  if (result.contains("grad_norms"))
    record.gradient_norms = result["grad_norms"].get<std::vector<double>>();
  auto final = golden_final(golden);
  if (!final) return final.error();
  if (*final) {
    record.final = member_names(*run.member, **final);
    return record;
  }
  if (!result.contains("final_checksums") || !result["final_checksums"].is_object()) {
    return corrupt(golden.folder.string() +
                   " has neither final weights nor \"final_checksums\" in result.json");
  }
  const auto sums = read_sums(result["final_checksums"]);
  if (!sums) return corrupt((golden.folder / "result.json").string() + ": " + sums.error().message);
  record.sums = member_names(*run.member, *sums);
  return record;
}

Expectation made_by(const GoldenRun& run, const Expectation& record) {
  Expectation made;
  for (const auto& [name, ours] : logits_of(run)) {
    const auto theirs = record.logits.find("logits " + name);
    if (theirs == record.logits.end() || !ours.defined()) continue;
    const at::Tensor local = ours.to(at::kCPU);
    made.logits["logits " + name] =
        local.narrow(1, 0, std::min(local.size(1), theirs->second.size(-1)));
    if (record.logits.contains("logsumexp " + name))
      made.logits["logsumexp " + name] = at::logsumexp(local.to(at::kDouble), {1});
  }
  made.losses = run.losses;
  made.gradient_norms = run.gradient_norms;
  if (record.final) made.final = run.final;
  if (record.sums) {
    made.sums.emplace();
    for (const auto& [name, tensor] : run.final) {
      if (record.sums->contains(name)) (*made.sums)[name] = sums_of(tensor);
    }
  }
  return made;
}

}  // namespace plateau::trainer
