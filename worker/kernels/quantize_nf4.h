// 4-bit NormalFloat from plain numbers, as bitsandbytes quantises a linear layer's weight.
#pragma once

#include <ATen/core/Tensor.h>

#include "worker/kernels/quantized.h"

namespace plateau::kernels {

// weight [rows, columns] of any floating dtype and device, brought to float32 first. Blocks of 64
// with double quantisation (see Nf4Blocks). Values that are not finite make their block so.
QuantizedMatrix quantize_nf4(const at::Tensor& weight);

// bitsandbytes' signed 8-bit dynamic code [256], ascending: what the scales are quantised with
// (Dettmers 2015, arXiv 1511.04561).
at::Tensor dynamic_code();

}  // namespace plateau::kernels
