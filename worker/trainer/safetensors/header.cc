#include "worker/trainer/safetensors/header.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/text.h"
#include "worker/trainer/safetensors/dtype.h"

namespace plateau::trainer {
namespace {

using nlohmann::json;

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr int kDepthMax = 3;  // header object, tensor object, shape array

std::string shown(const std::string& name) {
  constexpr std::size_t kShownMax = 200;
  return name.size() <= kShownMax ? name : name.substr(0, kShownMax) + "...";
}

Error broken(const std::string& file, const std::string& what) {
  return corrupt(file + " is not a sound safetensors file: " + what +
                 ". It was cut or damaged on its way; fetch or export it again.");
}

Error broken(const std::string& file, const std::string& tensor, const std::string& what) {
  return broken(file, "tensor \"" + shown(tensor) + "\" " + what);
}

// What nlohmann's DOM would hide or choke on: a name given twice (the last one would win), and
// nesting deeper than the format has.
class StrictKeys {
 public:
  bool operator()(int depth, json::parse_event_t event, json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
        keys_.emplace_back();
        break;
      case json::parse_event_t::object_end:
        if (!keys_.empty()) keys_.pop_back();
        break;
      case json::parse_event_t::key:
        if (!keys_.empty() && !keys_.back().insert(parsed.get<std::string>()).second &&
            !duplicate_) {
          duplicate_ = parsed.get<std::string>();
        }
        break;
      default:
        break;
    }
    if (depth > kDepthMax) too_deep_ = true;
    return depth <= kDepthMax;  // Deeper parts are not kept in memory.
  }

  std::optional<std::string> duplicate_;
  bool too_deep_ = false;

 private:
  std::vector<std::set<std::string>> keys_;
};

Result<json> parse_strict_json(std::string_view text, const std::string& file) {
  StrictKeys strict;
  json parsed;
  try {
    parsed = json::parse(text.begin(), text.end(), std::ref(strict));
  } catch (const json::exception& error) {
    return broken(file, std::string("its header is not JSON (") + error.what() + ")");
  }
  if (strict.too_deep_) return broken(file, "its header is nested deeper than the format allows");
  if (strict.duplicate_) {
    return broken(file, "its header has the key \"" + shown(*strict.duplicate_) + "\" twice");
  }
  if (!parsed.is_object()) return broken(file, "its header is JSON but no object");
  return parsed;
}

Result<std::string_view> header_text(std::span<const std::byte> file, const std::string& name) {
  if (file.size() < 8) {
    return broken(name, "it has " + std::to_string(file.size()) +
                            " bytes, fewer than the 8 that hold the header's length");
  }
  std::uint64_t length = 0;
  for (int i = 7; i >= 0; --i) {
    length = (length << 8) | std::to_integer<std::uint64_t>(file[static_cast<std::size_t>(i)]);
  }
  if (length > kHeaderBytesMax) {
    return broken(name, "its header claims " + std::to_string(length) +
                            " bytes, over the limit of " + std::to_string(kHeaderBytesMax));
  }
  if (length > file.size() - 8) {
    return broken(name, "its header claims " + std::to_string(length) + " bytes, but only " +
                            std::to_string(file.size() - 8) + " follow");
  }
  return std::string_view(reinterpret_cast<const char*>(file.data()) + 8,
                          static_cast<std::size_t>(length));
}

Result<std::vector<std::int64_t>> read_shape(const json& entry, const std::string& file,
                                             const std::string& name) {
  const auto found = entry.find("shape");
  if (found == entry.end() || !found->is_array()) return broken(file, name, "has no shape");
  std::vector<std::int64_t> shape;
  for (const json& extent : *found) {
    if (!extent.is_number_unsigned() ||
        extent.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
      return broken(file, name, "has a shape that is no list of sizes");
    }
    shape.push_back(extent.get<std::int64_t>());
  }
  return shape;
}

Result<HeaderEntry> read_entry(const std::string& name, const json& entry,
                               const std::string& file) {
  if (!entry.is_object()) return broken(file, name, "is described by something that is no object");
  HeaderEntry read;
  read.name = name;

  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) return broken(file, name, "has no dtype");
  const std::optional<DType> known = dtype_from_name(dtype->get_ref<const std::string&>());
  if (!known) {
    return broken(file, name,
                  "has the unknown dtype \"" + shown(dtype->get<std::string>()) +
                      "\" (known: " + join(dtype_names(), ", ") + ")");
  }
  read.dtype = *known;

  Result<std::vector<std::int64_t>> shape = read_shape(entry, file, name);
  if (!shape) return shape.error();
  read.shape = std::move(*shape);

  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 ||
      !(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned()) {
    return broken(file, name, "has no pair of data_offsets");
  }
  read.begin = (*offsets)[0].get<std::uint64_t>();
  read.end = (*offsets)[1].get<std::uint64_t>();
  return read;
}

Status check_extent(const HeaderEntry& entry, std::uint64_t data_size, const std::string& file) {
  const std::string range =
      std::string("[") + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + ")";
  if (entry.begin > entry.end) {
    return broken(file, entry.name, "has reversed data_offsets " + range);
  }
  if (entry.end > data_size) {
    return broken(file, entry.name,
                  "claims the bytes " + range + ", but the file holds only " +
                      std::to_string(data_size) + " bytes of data");
  }
  const std::optional<std::uint64_t> needed = checked_size_bytes(entry.dtype, entry.shape);
  if (!needed) {
    return broken(file, entry.name, "has the impossible shape " + shape_text(entry.shape));
  }
  if (*needed != entry.end - entry.begin) {
    return broken(file, entry.name,
                  "is " + std::string(dtype_name(entry.dtype)) + " of shape " +
                      shape_text(entry.shape) + ", that is " + std::to_string(*needed) +
                      " bytes, but its data_offsets " + range + " span " +
                      std::to_string(entry.end - entry.begin));
  }
  return {};
}

// Sorted entries must tile [0, data_size): neither gap nor overlap nor a rest.
Status check_tiling(const std::vector<HeaderEntry>& entries, std::uint64_t data_size,
                    const std::string& file) {
  std::uint64_t covered = 0;
  for (const HeaderEntry& entry : entries) {
    if (entry.begin != covered) {
      const std::string what =
          entry.begin < covered ? "overlaps the one before it" : "leaves a hole before it";
      return broken(file, entry.name,
                    what + ": it begins at byte " + std::to_string(entry.begin) + ", expected " +
                        std::to_string(covered));
    }
    covered = entry.end;
  }
  if (covered != data_size) {
    return broken(file, "its tensors end at byte " + std::to_string(covered) + ", but " +
                            std::to_string(data_size) + " bytes of data are there");
  }
  return {};
}

Result<std::map<std::string, std::string>> read_metadata(const json& entry,
                                                         const std::string& file) {
  if (!entry.is_object()) return broken(file, "its __metadata__ is no object");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) {
      return broken(file, "its __metadata__ entry \"" + shown(key) + "\" is no string");
    }
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

}  // namespace

Result<Header> parse_header(std::span<const std::byte> file, const std::string& name) {
  Result<std::string_view> text = header_text(file, name);
  if (!text) return text.error();
  Result<json> parsed = parse_strict_json(*text, name);
  if (!parsed) return parsed.error();

  Header header;
  header.data_offset = 8 + text->size();
  const std::uint64_t data_size = file.size() - header.data_offset;
  for (const auto& [key, value] : parsed->items()) {
    if (key == kMetadataKey) {
      Result<std::map<std::string, std::string>> metadata = read_metadata(value, name);
      if (!metadata) return metadata.error();
      header.metadata = std::move(*metadata);
      continue;
    }
    Result<HeaderEntry> entry = read_entry(key, value, name);
    if (!entry) return entry.error();
    if (Status extent = check_extent(*entry, data_size, name); !extent) return extent.error();
    header.entries.push_back(std::move(*entry));
  }
  std::sort(header.entries.begin(), header.entries.end(),
            [](const HeaderEntry& a, const HeaderEntry& b) {
              return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
            });
  if (Status tiling = check_tiling(header.entries, data_size, name); !tiling) return tiling.error();
  return header;
}

}  // namespace plateau::trainer
