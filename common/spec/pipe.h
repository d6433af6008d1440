// The pipe protocol between a worker's runner and its trainer process.
//
// The runner starts `plateau-trainer serve --device DEVICE`: "cpu", or "cuda:0" with
// CUDA_VISIBLE_DEVICES naming the one device; OMP_NUM_THREADS is set. Without "serve" nothing is
// framed (`plateau-trainer train trial.json`, by hand).
//
// Frames on the trainer's standard input and output: a 32-bit little-endian length (at most
// kMaxFrameBytes), then that many bytes of UTF-8 JSON, one object with a "type". The trainer's own
// log goes to standard error; it moves file descriptor 1 out of the way at its start, so that no
// library prints into the frames. End of file on standard input means that the agent is gone: the
// trainer ends at once.
//
// Runner -> trainer
//   assign      {trial_id, attempt, alone, trial: {...}, folder, resume: path | null}
//               Train this trial; it joins the running pack at the next step boundary if base and
//               precision are the same (and neither is alone), else it waits in the trainer.
//               `folder` exists and is the attempt's own: artifacts and checkpoints go there.
//   cancel      {trial_id, attempt}           drop it, no checkpoint; answered with dropped
//   checkpoint  {}                            write a checkpoint of every running trial now
//   stop        {}                            checkpoint all, answer handed_back for each, exit 0
// Trainer -> runner
//   hello       {protocol: 1, version, device, device_name, torch}        first frame
//   started     {trial_id, attempt, step, steps_total}
//   progress    {trial_id, attempt, step, steps_total, loss, tokens_per_s}  at most 2 a second
//   metric      {trial_id, attempt, step, split, name, value}
//   checkpoint  {trial_id, attempt, step, path, size_bytes, sha256}       complete on disk
//   finished    {trial_id, attempt, result: {...}, artifacts: [{name, path, size_bytes, sha256}]}
//   failed      {trial_id, attempt, kind, message}
//               kind: out_of_memory | diverged | bad_configuration | crashed | node_fault
//   handed_back {trial_id, attempt}
//   dropped     {trial_id, attempt}
//
// `result` of finished:
//   {metrics: [{split, name, value}],           test and last validation values
//    parameters: {adapter, head, base},         counts; adapter and head are trained
//    steps, train_tokens, train_seconds, eval_seconds, peak_memory_bytes, adapter_bytes,
//    base_bytes, device, device_name, precision, version, torch, notes: [text]} e.g. how many rows
//    the task's reader dropped
// Artifacts: metrics.jsonl, predictions.jsonl, adapter/adapter_config.json,
// adapter/adapter_model.safetensors (baselines have no adapter/).
// predictions.jsonl: {"id", "label", "prediction", "scores": [...]} a line, test split, in order.
// Language modelling: the prediction is the text's mean loss a token, the label 0.
// metrics.jsonl: {"step", "split", "name", "value"} a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/result.h"

namespace plateau::pipe {

inline constexpr std::uint32_t kMaxFrameBytes = 16u << 20;
inline constexpr int kMaxDepth = 100;  // of objects and lists in each other
inline constexpr int kProtocol = 1;

// The frame's bytes. The object must fit kMaxFrameBytes.
std::string encode(const nlohmann::json& message);

// Collects bytes and hands out whole messages. Pure; owns its buffer; one thread.
class Decoder {
 public:
  void feed(std::string_view bytes);
  // The next message; nullopt: more bytes are needed; kCorrupt: the length, depth or JSON is no
  // frame of ours, and the stream cannot be read on.
  Result<std::optional<nlohmann::json>> next();

 private:
  std::string buffer_;
};

}  // namespace plateau::pipe
