// How much memory a trainer needs for one trial, before anything was trained.
#pragma once

#include <cstdint>

#include "common/spec/sweep.h"

namespace plateau {

// Bytes, by what they are for. An estimate: it knows the architecture and the batch, not the
// allocator, and takes a batch's texts for half as long again as the mean one. 18 trials on MiniLM
// (LoRA, LoReFT and full fine-tuning, float32 and bfloat16, 16 to 256 tweets a batch) took 0.58 to
// 0.97 of it, most 0.8 to 0.95.
struct MemoryEstimate {
  double program = 0;      // LibTorch and the tokenizer
  double base = 0;         // the frozen weights
  double trained = 0;      // what is trained: weights, gradients, AdamW's two moments
  double activations = 0;  // of a micro-batch, kept for the backward pass
  double total() const { return program + base + trained + activations; }
};

// Tokens that are in memory at once: a micro-batch.
double tokens_at_once(const Trial& trial, const TaskSource& task);

MemoryEstimate estimate_memory(const Trial& trial, const BaseSource& base, const TaskSource& task);

}  // namespace plateau
