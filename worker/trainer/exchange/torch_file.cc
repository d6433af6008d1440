#include "worker/trainer/exchange/torch_file.h"

#include <cstring>

#include <ATen/ATen.h>

#include "common/base/file.h"
#include "worker/trainer/exchange/pickle.h"
#include "worker/trainer/exchange/zip.h"

namespace plateau::trainer {
namespace {

using Entries = std::map<std::string, std::string_view>;

// "NAME/data.pkl" in whatever top folder torch.save used; empty when there is none.
std::string top_folder(const Entries& entries) {
  constexpr std::string_view kPickle = "/data.pkl";
  for (const auto& [name, bytes] : entries) {
    if (name.ends_with(kPickle)) return name.substr(0, name.size() - kPickle.size() + 1);
  }
  return "";
}

Result<at::Tensor> tensor_of(const PickledTensor& pickled, const Entries& entries,
                             const std::string& top) {
  const auto entry = entries.find(top + "data/" + pickled.storage);
  const auto elements = static_cast<std::size_t>(pickled.storage_elements);
  if (entry == entries.end() || entry->second.size() != elements * dtype_size_bytes(pickled.dtype))
    return corrupt("the bytes of tensor " + pickled.name + " are missing or cut");
  const TensorView all{pickled.dtype,
                       {pickled.storage_elements},
                       std::as_bytes(std::span(entry->second.data(), entry->second.size()))};
  auto storage = to_tensor(all, at::TensorOptions().dtype(at::kFloat));
  if (!storage) return storage.error();
  return storage->as_strided(pickled.shape, pickled.strides, pickled.offset).contiguous();
}

Result<TensorMap> read_archive(const std::string& bytes) {
  const auto entries = read_stored_zip(bytes);
  if (!entries) return entries.error();
  const std::string top = top_folder(*entries);
  if (top.empty()) return corrupt("the archive has no data.pkl, so torch.save did not write it");
  const auto order = entries->find(top + "byteorder");
  if (order != entries->end() && order->second != "little")
    return invalid_argument("it was saved on a big-endian machine; save it on another one");
  const auto pickled = read_pickled_tensors(entries->at(top + "data.pkl"));
  if (!pickled) return pickled.error();
  TensorMap tensors;
  for (const PickledTensor& one : *pickled) {
    auto tensor = tensor_of(one, *entries, top);
    if (!tensor) return tensor.error();
    tensors[one.name] = *tensor;
  }
  return tensors;
}

}  // namespace

Result<TensorMap> read_torch_file(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  if (!bytes) return bytes.error();
  auto tensors = read_archive(*bytes);
  if (tensors) return tensors;
  return Error{tensors.error().kind, path.string() + ": " + tensors.error().message};
}

Status write_torch_file(const std::filesystem::path& path,
                        const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  std::vector<at::Tensor> kept;
  std::vector<PickledTensor> pickled;
  for (const auto& [name, tensor] : tensors) {
    kept.push_back(tensor.detach().to(at::kCPU, at::kFloat).contiguous());
    pickled.push_back({name, DType::kF32, std::to_string(kept.size() - 1), tensor.numel(), 0,
                       tensor.sizes().vec(), kept.back().strides().vec()});
  }
  const auto pickle = write_pickled_tensors(pickled);
  if (!pickle) return pickle.error();
  std::vector<ZipEntry> entries = {{"archive/data.pkl", *pickle}, {"archive/byteorder", "little"}};
  for (std::size_t i = 0; i < kept.size(); ++i) {
    entries.push_back({"archive/data/" + pickled[i].storage,
                       {static_cast<const char*>(kept[i].const_data_ptr()), kept[i].nbytes()}});
  }
  entries.push_back({"archive/version", "3\n"});
  const auto archive = write_stored_zip(entries);
  if (!archive) return archive.error();
  return write_file_atomically(path, *archive);
}

}  // namespace plateau::trainer
