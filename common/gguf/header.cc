#include "common/gguf/header.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "common/base/text.h"
#include "common/gguf/cursor.h"

namespace plateau {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint32_t kDimensionsMax = 4;
constexpr std::uint64_t kAlignmentDefault = 32;

enum ValueType : std::uint32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};

Error broken(const std::string& file, const std::string& what) {
  return corrupt(file + " is not a sound GGUF file: " + what +
                 ". It was cut or damaged on its way; fetch it again.");
}

std::string in_quotes(const std::string& name) {
  constexpr std::size_t kShownMax = 200;
  return "\"" + (name.size() <= kShownMax ? name : name.substr(0, kShownMax) + "...") + "\"";
}

// Bytes of one element; of a string at least. 0: no type that an array can hold.
std::uint64_t element_bytes(std::uint32_t type) {
  switch (type) {
    case kU8:
    case kI8:
    case kBool:
      return 1;
    case kU16:
    case kI16:
      return 2;
    case kU32:
    case kI32:
    case kF32:
      return 4;
    case kString:
    case kU64:
    case kI64:
    case kF64:
      return 8;
    default:
      return 0;
  }
}

std::uint64_t read_unsigned(Cursor& cursor, std::uint64_t size_bytes) {
  switch (size_bytes) {
    case 1:
      return cursor.number<std::uint8_t>();
    case 2:
      return cursor.number<std::uint16_t>();
    case 4:
      return cursor.number<std::uint32_t>();
    default:
      return cursor.number<std::uint64_t>();
  }
}

std::int64_t read_signed(Cursor& cursor, std::uint64_t size_bytes) {
  const auto unused_bits = static_cast<int>(64 - 8 * size_bytes);
  // Shifted up and down again, the sign fills the upper bits.
  return static_cast<std::int64_t>(read_unsigned(cursor, size_bytes) << unused_bits) >> unused_bits;
}

double read_fraction(Cursor& cursor, std::uint64_t size_bytes) {
  if (size_bytes == 4) return std::bit_cast<float>(cursor.number<std::uint32_t>());
  return std::bit_cast<double>(cursor.number<std::uint64_t>());
}

template <typename Element, typename Read>
GgufValue read_list(std::uint64_t count, const Read& read) {
  std::vector<Element> list;
  list.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i)
    list.push_back(read());
  return list;
}

// Nothing for an unknown type, a list of lists, or a list that cannot fit into the file.
std::optional<GgufValue> read_array(Cursor& cursor) {
  const auto type = cursor.number<std::uint32_t>();
  const auto count = cursor.number<std::uint64_t>();
  const std::uint64_t size = element_bytes(type);
  if (size == 0 || !cursor.holds(count, size)) return std::nullopt;
  switch (type) {
    case kString:
      return read_list<std::string>(count, [&] { return cursor.text(); });
    case kF32:
    case kF64:
      return read_list<double>(count, [&] { return read_fraction(cursor, size); });
    case kI8:
    case kI16:
    case kI32:
    case kI64:
      return read_list<std::int64_t>(count, [&] { return read_signed(cursor, size); });
    default:
      return read_list<std::uint64_t>(count, [&] { return read_unsigned(cursor, size); });
  }
}

std::optional<GgufValue> read_value(Cursor& cursor, std::uint32_t type) {
  const std::uint64_t size = element_bytes(type);
  switch (type) {
    case kArray:
      return read_array(cursor);
    case kString:
      return cursor.text();
    case kBool:
      return cursor.number<std::uint8_t>() != 0;
    case kF32:
    case kF64:
      return read_fraction(cursor, size);
    case kI8:
    case kI16:
    case kI32:
    case kI64:
      return read_signed(cursor, size);
    default:
      if (size == 0) return std::nullopt;
      return read_unsigned(cursor, size);
  }
}

Status read_metadata(Cursor& cursor, std::uint64_t count, const std::string& name,
                     std::map<std::string, GgufValue>& metadata) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string key = cursor.text();
    const auto type = cursor.number<std::uint32_t>();
    std::optional<GgufValue> value = read_value(cursor, type);
    if (!cursor.ok()) {
      return broken(name, "it ends inside of metadata entry " + std::to_string(i + 1) + " of " +
                              std::to_string(count));
    }
    if (!value) {
      return broken(name, "the metadata key " + in_quotes(key) + " has a value of unknown type " +
                              std::to_string(type));
    }
    if (!metadata.emplace(key, std::move(*value)).second) {
      return broken(name, "it has the metadata key " + in_quotes(key) + " twice");
    }
  }
  return {};
}

struct TensorInfo {
  std::string name;
  GgufTensor tensor;  // without bytes
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
};

// The bytes of a shape; nothing when the product does not fit or a row does not hold whole blocks.
std::optional<std::uint64_t> size_of(const GgufTensor& tensor) {
  const std::uint64_t values = block_values(tensor.type);
  const std::uint64_t row =
      tensor.shape.empty() ? 1 : static_cast<std::uint64_t>(tensor.shape.back());
  if (row % values != 0) return std::nullopt;
  std::uint64_t size = block_size_bytes(tensor.type);
  if (__builtin_mul_overflow(size, row / values, &size)) return std::nullopt;
  for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i) {
    const auto extent = static_cast<std::uint64_t>(tensor.shape[i]);
    if (__builtin_mul_overflow(size, extent, &size)) return std::nullopt;
  }
  return size;
}

Result<TensorInfo> read_info(Cursor& cursor, const std::string& name) {
  TensorInfo info;
  info.name = cursor.text();
  const auto dimensions = cursor.number<std::uint32_t>();
  const std::string what = "tensor " + in_quotes(info.name);
  if (dimensions > kDimensionsMax) {
    return broken(name, what + " has " + std::to_string(dimensions) +
                            " dimensions; the format allows " + std::to_string(kDimensionsMax));
  }
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto extent = cursor.number<std::uint64_t>();
    if (extent > static_cast<std::uint64_t>(INT64_MAX)) {
      return broken(name, what + " has an extent of " + std::to_string(extent));
    }
    info.tensor.shape.insert(info.tensor.shape.begin(), static_cast<std::int64_t>(extent));
  }
  const auto type = cursor.number<std::uint32_t>();
  info.begin = cursor.number<std::uint64_t>();
  if (!cursor.ok()) return broken(name, "it ends inside of the list of tensors");
  const std::optional<BlockType> known = block_type(type);
  if (!known) {
    return invalid_argument(
        name + ": " + what + " has the block type number " + std::to_string(type) +
        ", which is not supported (supported: " + join(block_type_names(), ", ") +
        "). Convert the model to one of them.");
  }
  info.tensor.type = *known;
  const std::optional<std::uint64_t> size = size_of(info.tensor);
  if (!size) {
    return broken(name, what + " has an impossible shape for blocks of " +
                            std::to_string(block_values(*known)) + " values");
  }
  info.size = *size;
  return info;
}

// Gives the tensors their bytes; they are aligned, inside of the file, and apart.
Status place_tensors(std::span<const std::byte> data, std::uint64_t alignment,
                     const std::string& name, std::vector<TensorInfo>& infos) {
  std::sort(infos.begin(), infos.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.begin, a.size) < std::pair(b.begin, b.size);
  });
  std::uint64_t covered = 0;
  for (TensorInfo& info : infos) {
    const std::string what = "tensor " + in_quotes(info.name) + " begins at byte " +
                             std::to_string(info.begin) + " of the data";
    if (info.begin % alignment != 0) {
      return broken(name, what + ", which is not aligned to " + std::to_string(alignment));
    }
    if (info.begin < covered) return broken(name, what + ", inside of the one before it");
    if (info.begin > data.size() || info.size > data.size() - info.begin) {
      return broken(name, what + " and has " + std::to_string(info.size) +
                              " bytes, but the file holds only " + std::to_string(data.size()));
    }
    covered = info.begin + info.size;
    info.tensor.bytes =
        data.subspan(static_cast<std::size_t>(info.begin), static_cast<std::size_t>(info.size));
  }
  return {};
}

std::uint64_t unsigned_or(const std::map<std::string, GgufValue>& metadata, const char* key,
                          std::uint64_t otherwise) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return otherwise;
  const auto* const number = std::get_if<std::uint64_t>(&found->second);
  return number == nullptr ? otherwise : *number;
}

Status check_start(Cursor& cursor, const std::string& name) {
  const auto magic = cursor.number<std::uint32_t>();
  const auto version = cursor.number<std::uint32_t>();
  if (!cursor.ok() || magic != kMagic) return broken(name, "it does not begin with \"GGUF\"");
  if (version == 2 || version == 3) return {};
  return Error{ErrorKind::kVersion,
               name + " is GGUF version " + std::to_string(version) +
                   " (or big-endian); versions 2 and 3 are read. Convert the model again."};
}

}  // namespace

Result<GgufHeader> parse_gguf(std::span<const std::byte> file, const std::string& name) {
  Cursor cursor(file);
  if (Status status = check_start(cursor, name); !status) return status.error();
  const auto tensor_count = cursor.number<std::uint64_t>();
  const auto key_count = cursor.number<std::uint64_t>();
  GgufHeader header;
  if (Status status = read_metadata(cursor, key_count, name, header.metadata); !status) {
    return status.error();
  }
  if (const auto parts = unsigned_or(header.metadata, "split.count", 1); parts > 1) {
    return invalid_argument(name + " is one of the " + std::to_string(parts) +
                            " parts of a split model. Merge them with llama.cpp's gguf-split.");
  }
  const auto alignment = unsigned_or(header.metadata, "general.alignment", kAlignmentDefault);
  if (!std::has_single_bit(alignment) || alignment > file.size()) {
    return broken(name, "its alignment is " + std::to_string(alignment));
  }
  std::vector<TensorInfo> infos;
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    Result<TensorInfo> info = read_info(cursor, name);
    if (!info) return info.error();
    infos.push_back(std::move(*info));
  }
  if (!cursor.ok()) return broken(name, "it ends inside of its header");
  const std::uint64_t data_begin = (cursor.position() + alignment - 1) / alignment * alignment;
  // A file without tensors may end before the padding does.
  const auto data = file.subspan(std::min(static_cast<std::size_t>(data_begin), file.size()));
  if (Status status = place_tensors(data, alignment, name, infos); !status) return status.error();
  for (TensorInfo& info : infos) {
    if (!header.tensors.emplace(info.name, std::move(info.tensor)).second) {
      return broken(name, "it has the tensor " + in_quotes(info.name) + " twice");
    }
  }
  return header;
}

}  // namespace plateau
