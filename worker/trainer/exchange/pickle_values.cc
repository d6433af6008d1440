#include "worker/trainer/exchange/pickle_values.h"

#include "worker/trainer/exchange/storage_classes.h"

namespace plateau::trainer {
namespace pickled {
namespace {

std::optional<std::vector<std::int64_t>> whole_numbers(const Value& value) {
  const auto* items = value.items();
  if (items == nullptr) return std::nullopt;
  std::vector<std::int64_t> numbers;
  for (const Value& item : *items) {
    if (item.as<std::int64_t>() == nullptr || *item.as<std::int64_t>() < 0) return std::nullopt;
    numbers.push_back(*item.as<std::int64_t>());
  }
  return numbers;
}

// Whether all elements of the view lie in the storage and are no more than it has (a stride of 0
// could ask for any number of them).
bool fits(const PickledTensor& tensor) {
  std::int64_t last = tensor.offset, count = 1;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    std::int64_t reach = 0;
    const std::int64_t size = tensor.shape[i];
    if (__builtin_mul_overflow(count, size, &count)) return false;
    if (size > 1 && (__builtin_mul_overflow(size - 1, tensor.strides[i], &reach) ||
                     __builtin_add_overflow(last, reach, &last)))
      return false;
  }
  return count <= tensor.storage_elements && (count == 0 || last < tensor.storage_elements);
}

// (storage, offset, shape, strides, requires_grad, hooks)
std::optional<Value> rebuild_tensor(const std::vector<Value>& arguments) {
  if (arguments.size() < 4) return std::nullopt;
  const auto* storage = arguments[0].as<Storage>();
  const auto* offset = arguments[1].as<std::int64_t>();
  const auto shape = whole_numbers(arguments[2]), strides = whole_numbers(arguments[3]);
  if (storage == nullptr || offset == nullptr || *offset < 0 || !shape || !strides ||
      shape->size() != strides->size())
    return std::nullopt;
  PickledTensor tensor{"",      storage->dtype, storage->key, storage->elements,
                       *offset, *shape,         *strides};
  if (shape->size() > kMaxDims || !fits(tensor)) return std::nullopt;
  return Value{std::make_shared<const PickledTensor>(std::move(tensor))};
}

}  // namespace

std::optional<Value> known_name(const std::string& module, const std::string& name) {
  if (module == "collections" && name == "OrderedDict") return Value{Known::kOrderedDict};
  if (module == "torch._utils" && name == "_rebuild_tensor_v2") return Value{Known::kRebuildTensor};
  if (module == "torch._utils" && name == "_rebuild_parameter")
    return Value{Known::kRebuildParameter};
  for (const StorageClass& storage : kStorageClasses) {
    if (module == "torch" && name == storage.name) return Value{storage.dtype};
  }
  return std::nullopt;
}

std::optional<Value> call(Known function, const std::vector<Value>& arguments) {
  switch (function) {
    case Known::kOrderedDict:
      if (!arguments.empty()) return std::nullopt;
      return Value{std::make_shared<Dict>()};
    case Known::kRebuildTensor:
      return rebuild_tensor(arguments);
    case Known::kRebuildParameter:
      if (arguments.empty() || arguments[0].as<Tensor>() == nullptr) return std::nullopt;
      return arguments[0];
  }
  return std::nullopt;
}

// ("storage", class, key, device, elements)
std::optional<Value> storage_of(const Value& id) {
  const auto* items = id.items();
  if (items == nullptr || items->size() != 5) return std::nullopt;
  const auto* kind = (*items)[0].as<Text>();
  const auto* dtype = (*items)[1].as<DType>();
  const auto* key = (*items)[2].as<Text>();
  const auto* elements = (*items)[4].as<std::int64_t>();
  if (kind == nullptr || **kind != "storage" || dtype == nullptr || key == nullptr ||
      elements == nullptr || *elements < 0)
    return std::nullopt;
  return Value{Storage{*dtype, **key, *elements}};
}

}  // namespace pickled
}  // namespace plateau::trainer
