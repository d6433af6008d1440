// Runs a reference case with this trainer: the same initial weights, the same batch, the recorded
// number of AdamW steps. A pack of one, as any trial.
#pragma once

#include <memory>
#include <vector>

#include "worker/trainer/check/golden_case.h"
#include "worker/trainer/pack/member.h"

namespace plateau::trainer {

struct GoldenRun {
  std::unique_ptr<Member> member;      // after the steps
  std::vector<double> losses;          // steps + 1: before each update, and after the last
  std::vector<double> gradient_norms;  // steps
  // [B, outputs]; language modelling: [rows of all texts, virtual tokens included, vocabulary].
  at::Tensor logits_before, logits_after;
  at::Tensor logits_merged;  // undefined where the method cannot be merged
  TensorMap initial, final;  // of trained(), by our names
};

struct GoldenOptions {
  at::TensorOptions options = at::TensorOptions().dtype(at::kFloat);  // dtype and device
};

// kInvalidArgument, kNotFound, kCorrupt: what could not be run, and why.
Result<GoldenRun> run_golden_case(const GoldenCase& golden, const GoldenBase& base,
                                  const GoldenBatch& batch, const GoldenOptions& options);

// A case's tensors, by plain names, as the member's trained() calls them. LoReFT's come under
// pyreft's keys ("comp_bert_encoder_layer[0]_output_unit_pos_nunit_1#1"), adapters' under the
// adapter's name. Tensors that nothing here is called after are left out.
TensorMap member_names(Member& member, const TensorMap& plain);

}  // namespace plateau::trainer
