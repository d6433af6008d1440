#include "worker/trainer/exchange/pickle.h"
#include "worker/trainer/exchange/storage_classes.h"

namespace plateau::trainer {
namespace {

// Opcodes by Python's names for them (pickletools).
class Writer {
 public:
  Writer() { out_ = "\x80\x02"; }

  Writer& op(char code) {
    out_.push_back(code);
    return *this;
  }
  Writer& global(const std::string& module, const std::string& name) {
    out_ += "c" + module + "\n" + name + "\n";
    return *this;
  }
  Writer& text(const std::string& value) {  // BINUNICODE
    out_.push_back('X');
    little(value.size(), 4);
    out_ += value;
    return *this;
  }
  Writer& whole(std::int64_t value) {
    if (value >= 0 && value < 256) {  // BININT1
      out_.push_back('K');
      little(static_cast<std::uint64_t>(value), 1);
    } else {  // LONG1
      out_ += "\x8a\x08";
      little(static_cast<std::uint64_t>(value), 8);
    }
    return *this;
  }
  Writer& tuple(const std::vector<std::int64_t>& values) {
    op('(');
    for (const std::int64_t value : values)
      whole(value);
    return op('t');
  }
  Writer& ordered_dict() { return global("collections", "OrderedDict").op(')').op('R'); }

  std::string take() { return std::move(out_); }

 private:
  void little(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
      out_.push_back(static_cast<char>(value >> (8 * i) & 0xff));
  }

  std::string out_;
};

const char* storage_class(DType dtype) {
  for (const StorageClass& known : kStorageClasses) {
    if (known.dtype == dtype) return known.name;
  }
  return nullptr;
}

// torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)
void put_tensor(Writer& writer, const PickledTensor& tensor, const char* storage) {
  writer.global("torch._utils", "_rebuild_tensor_v2").op('(');
  writer.op('(').text("storage").global("torch", storage).text(tensor.storage).text("cpu");
  writer.whole(tensor.storage_elements).op('t').op('Q');  // BINPERSID
  writer.whole(tensor.offset).tuple(tensor.shape).tuple(tensor.strides);
  writer.op('\x89').ordered_dict().op('t').op('R');  // NEWFALSE
}

}  // namespace

Result<std::string> write_pickled_tensors(const std::vector<PickledTensor>& tensors) {
  Writer writer;
  writer.ordered_dict().op('(');
  for (const PickledTensor& tensor : tensors) {
    const char* storage = storage_class(tensor.dtype);
    if (storage == nullptr) {
      return invalid_argument("tensor \"" + tensor.name + "\": torch.save's format has no " +
                              std::string(dtype_name(tensor.dtype)));
    }
    put_tensor(writer.text(tensor.name), tensor, storage);
  }
  return writer.op('u').op('.').take();  // SETITEMS, STOP
}

}  // namespace plateau::trainer
