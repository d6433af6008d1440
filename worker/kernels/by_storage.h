// The same loops for each storage that the CPU computes with. Internal to this folder.
#pragma once

namespace plateau::kernels {

template <typename Loops>
struct ByStorage {
  Loops float32, bfloat16, float64;
};

}  // namespace plateau::kernels
