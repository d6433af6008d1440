// The values that the pickle of a dict of tensors can build, and the only functions it may ask for.
// Internal to this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "worker/trainer/exchange/pickle.h"

namespace plateau::trainer {
namespace pickled {

struct Nothing {};
struct Mark {};
enum class Known { kOrderedDict, kRebuildTensor, kRebuildParameter };
struct Storage {
  DType dtype = DType::kF32;
  std::string key;
  std::int64_t elements = 0;
};
// Shared: recalling a value from the memo must cost nothing, or a short pickle could fill the
// memory.
using Text = std::shared_ptr<const std::string>;
using Tensor = std::shared_ptr<const PickledTensor>;
struct Dict {
  std::vector<PickledTensor> tensors;
  std::set<std::string> names;
  bool holds_others = false;  // of no use here, so they are not kept: no dict ever holds another
};
struct Value;
struct Tuple {
  std::vector<Value> items;
  int depth = 1;
};
struct Value {
  std::variant<Nothing, Mark, bool, std::int64_t, Text, Known, DType, Storage, Tensor,
               std::shared_ptr<Dict>, std::shared_ptr<const Tuple>>
      is;

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&is);
  }
  const std::vector<Value>* items() const {
    const auto* tuple = as<std::shared_ptr<const Tuple>>();
    return tuple == nullptr ? nullptr : &(*tuple)->items;
  }
};

inline constexpr int kMaxDepth = 8;          // of tuples in tuples: freeing them is recursive
inline constexpr std::size_t kMaxDims = 64;  // as torch

// What the name stands for; nullopt: nothing that may occur.
std::optional<Value> known_name(const std::string& module, const std::string& name);
// What the function gives; nullopt: arguments of an impossible form.
std::optional<Value> call(Known function, const std::vector<Value>& arguments);
// What torch.save's persistent id ("storage", class, key, device, elements) stands for.
std::optional<Value> storage_of(const Value& id);

}  // namespace pickled
}  // namespace plateau::trainer
