// The pickle inside torch.save's files, for one kind of object: a dict of tensors.
//
// A pickle is a program; Python's unpickler imports and calls what it names. Here nothing is
// called: the few opcodes that torch.save writes for a dict of tensors build plain values, and the
// names that may stand for something are a fixed list. Everything else is kCorrupt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {

// One tensor as a view of a storage, in elements.
struct PickledTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::string storage;  // its bytes are the archive's entry "<top folder>/data/<storage>"
  std::int64_t storage_elements = 0;
  std::int64_t offset = 0;          // of the first element
  std::vector<std::int64_t> shape;  // every element lies in the storage, and no more than it has
  std::vector<std::int64_t> strides;
};

// In the dict's order, names unique. kCorrupt: anything but a dict of tensors; says which opcode or
// name at which byte.
Result<std::vector<PickledTensor>> read_pickled_tensors(std::string_view pickle);

// The same as an OrderedDict, protocol 2, as torch.save writes it. kInvalidArgument: a dtype that
// torch has no storage class for.
Result<std::string> write_pickled_tensors(const std::vector<PickledTensor>& tensors);

}  // namespace plateau::trainer
