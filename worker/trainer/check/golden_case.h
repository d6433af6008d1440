// One reference case as files: a recorded run of PEFT, pyreft, adapters or transformers.
//
// A case folder <root>/cases/<model>/<method> holds result.json (settings, losses, gradient norms,
// counts, status), logits.safetensors, and mostly init/ and final/; its base lies in
// <root>/models/<model> (or is a real one from the catalogue's cache) and its batch in
// <root>/batches/<model>.safetensors. Nothing here depends on the names of models or methods.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/spec/trial.h"
#include "worker/trainer/model/tensors.h"

namespace plateau::trainer {

struct GoldenCase {
  std::filesystem::path folder;
  std::filesystem::path root;   // that holds models/, batches/, cases/
  std::string model;            // name of the base and the batch
  std::string method;           // the folder's name
  std::string status;           // ok | failed | skipped
  std::string why;              // of failed and skipped
  std::string family;           // lora | rslora | dora | loreft | ia3 | houlsby | prompt | ...
  nlohmann::json result;        // result.json
  bool has_initial = false;     // false: the initial weights follow from the rule or the base
  std::filesystem::path start;  // the folder of the initial weights

  std::string name() const { return model + "/" + method; }
};

// kNotFound: no result.json there; kCorrupt: one that lacks what its status promises. Says which
// field of which file.
Result<GoldenCase> read_golden_case(const std::filesystem::path& folder);

// Where the base of a case is. `given` are folders by model name and come first; then
// <root>/models/<model>, the same without its last "-word" when the case brings its own head, and
// the catalogue's cache. kNotFound says where it was looked for.
struct GoldenBase {
  std::filesystem::path folder;
  bool is_real = false;  // not one of the small models beside the cases
};
Result<GoldenBase> find_golden_base(const GoldenCase& golden,
                                    const std::map<std::string, std::filesystem::path>& given);

// input_ids, attention_mask [B, T] and labels [B] or [B, T], int64, or float64 [B] where they are
// the numbers of a regression; token_type_ids [B, T], or undefined: all zero. A case whose padding
// counts (pyreft's, in front: "padded_input_ids") has that many more columns of ids and labels, and
// says in `padding` which of the ids are none of the texts'; else that is undefined.
struct GoldenBatch {
  at::Tensor ids, mask, labels, types = {}, padding = {};
  bool is_language_model() const { return labels.dim() == 2; }
  bool is_regression() const { return labels.is_floating_point(); }
};
Result<GoldenBatch> read_golden_batch(const GoldenCase& golden);

// The method and its parameters as a sweep file would name them. kInvalidArgument for a family or
// an option of the reference that this trainer does not have. `hidden` is the base's width.
Result<AdapterSpec> golden_adapter(const GoldenCase& golden, std::int64_t hidden);

// A tensor's name in a reference's file or memory as this trainer calls it: without PEFT's
// wrappers ("base_model.model.", ".default", ".modules_to_save").
std::string plain_name(const std::string& name);

// The case's initial weights by plain names; those of the head may come from head_init.safetensors.
// Without stored ones they are empty.
Result<TensorMap> golden_initial(const GoldenCase& golden);
// The final weights by plain names; nullopt: only check sums are stored.
Result<std::optional<TensorMap>> golden_final(const GoldenCase& golden);

// Values of cases that do not store them: U(-bound, bound) by splitmix64 from the name's FNV-1a
// hash, one number an element.
at::Tensor synth_uniform(const std::string& name, const std::vector<std::int64_t>& shape,
                         double bound);

}  // namespace plateau::trainer
