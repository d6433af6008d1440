// Which torch storage class holds which dtype. Internal to this folder.
#pragma once

#include <array>

#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {

struct StorageClass {
  const char* name;  // in the module "torch"
  DType dtype;
};

inline constexpr std::array kStorageClasses = {
    StorageClass{"FloatStorage", DType::kF32}, StorageClass{"DoubleStorage", DType::kF64},
    StorageClass{"HalfStorage", DType::kF16},  StorageClass{"BFloat16Storage", DType::kBF16},
    StorageClass{"LongStorage", DType::kI64},  StorageClass{"IntStorage", DType::kI32},
    StorageClass{"ShortStorage", DType::kI16}, StorageClass{"CharStorage", DType::kI8},
    StorageClass{"ByteStorage", DType::kU8},   StorageClass{"BoolStorage", DType::kBool},
};

}  // namespace plateau::trainer
