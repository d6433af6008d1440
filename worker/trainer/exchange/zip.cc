#include "worker/trainer/exchange/zip.h"

#include <array>
#include <cstdint>
#include <optional>

namespace plateau::trainer {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kLocatorSize = 20;
constexpr std::uint64_t kSeeZip64 = 0xffffffff;
constexpr std::size_t kAlignment = 64;
constexpr std::uint64_t kMaxPlain = 0xfffffffe;

std::array<std::uint32_t, 256> crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1) != 0 ? 0xedb88320U ^ (value >> 1) : value >> 1;
    table[i] = value;
  }
  return table;
}

std::uint32_t crc32(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> kTable = crc_table();
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes)
    crc = kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

// A little-endian number of `size` bytes; nullopt: it would lie outside.
std::optional<std::uint64_t> number(std::string_view bytes, std::uint64_t at, std::size_t size) {
  if (at > bytes.size() || size > bytes.size() - at) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(at) + i]);
  return value;
}

std::optional<std::string_view> piece(std::string_view bytes, std::uint64_t at,
                                      std::uint64_t size) {
  if (at > bytes.size() || size > bytes.size() - at) return std::nullopt;
  return bytes.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(size));
}

Error damaged(const std::string& what) {
  return corrupt("no readable zip archive: " + what + "; it was cut short or changed");
}

struct Directory {
  std::uint64_t at = 0;
  std::uint64_t entries = 0;
};

// The last "end of central directory" record; the comment behind it has up to 65,535 bytes.
Result<Directory> find_directory(std::string_view archive) {
  if (archive.size() < kEndSize) return damaged("it is too short");
  const std::size_t last = archive.size() - kEndSize;
  for (std::size_t back = 0; back <= last && back <= 0xffff; ++back) {
    const std::size_t end = last - back;
    if (number(archive, end, 4) != kEnd) continue;
    Directory directory{*number(archive, end + 16, 4), *number(archive, end + 10, 2)};
    if (directory.at != kSeeZip64 && directory.entries != 0xffff) return directory;
    if (end < kLocatorSize || number(archive, end - kLocatorSize, 4) != kLocator64)
      return damaged("its zip64 record is missing");
    const std::uint64_t end64 = *number(archive, end - kLocatorSize + 8, 8);
    if (number(archive, end64, 4) != kEnd64) return damaged("its zip64 record is missing");
    const auto count = number(archive, end64 + 32, 8), at = number(archive, end64 + 48, 8);
    if (!count || !at) return damaged("its zip64 record is cut");
    return Directory{*at, *count};
  }
  return damaged("its directory is missing");
}

struct Record {
  std::uint64_t stored = 0, size = 0, local = 0;
};

// Sizes and offsets that did not fit stand in the extra field 1, in this order.
bool read_zip64(std::string_view extra, Record& record) {
  for (std::uint64_t at = 0; at + 4 <= extra.size();) {
    const std::uint64_t id = *number(extra, at, 2), length = *number(extra, at + 2, 2);
    std::uint64_t field = at + 4;
    at = field + length;
    if (id != 1) continue;
    for (std::uint64_t* value : {&record.size, &record.stored, &record.local}) {
      if (*value != kSeeZip64) continue;
      const auto wide = number(extra, field, 8);
      if (!wide || field + 8 > at) return false;
      *value = *wide;
      field += 8;
    }
  }
  return true;
}

Result<std::string_view> entry_bytes(std::string_view archive, const Record& record,
                                     const std::string& name, std::uint32_t crc) {
  const auto name_size = number(archive, record.local + 26, 2);
  const auto extra_size = number(archive, record.local + 28, 2);
  if (number(archive, record.local, 4) != kLocal || !name_size || !extra_size)
    return damaged("the entry \"" + name + "\" is not where the directory says");
  const auto bytes =
      piece(archive, record.local + kLocalSize + *name_size + *extra_size, record.stored);
  if (!bytes) return damaged("the entry \"" + name + "\" reaches past its end");
  if (crc32(*bytes) != crc) return damaged("the entry \"" + name + "\" has another checksum");
  return *bytes;
}

void put(std::string& out, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i)
    out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

// What local and central record have in common: version, flags (names are UTF-8), method 0, the
// date 1980-01-01, checksum, sizes, name's length.
void put_common(std::string& out, const ZipEntry& entry) {
  put(out, 20, 2);
  put(out, 0x0800, 2);
  put(out, 0, 2);
  put(out, 0, 2);
  put(out, 0x0021, 2);
  put(out, crc32(entry.bytes), 4);
  put(out, entry.bytes.size(), 4);
  put(out, entry.bytes.size(), 4);
  put(out, entry.name.size(), 2);
}

void put_local(std::string& out, const ZipEntry& entry) {
  // The padding is an extra field of its own ("FB"), as torch.save writes it.
  const std::size_t plain = out.size() + kLocalSize + entry.name.size() + 4;
  const std::size_t padding = (kAlignment - plain % kAlignment) % kAlignment;
  put(out, kLocal, 4);
  put_common(out, entry);
  put(out, padding + 4, 2);
  out += entry.name;
  out += "FB";
  put(out, padding, 2);
  out.append(padding, 'Z');
  out += entry.bytes;
}

void put_central(std::string& out, const ZipEntry& entry, std::uint64_t local) {
  put(out, kCentral, 4);
  put(out, 20, 2);
  put_common(out, entry);
  out.append(12, '\0');  // no extra field, comment, disk, attributes
  put(out, local, 4);
  out += entry.name;
}

}  // namespace

Result<std::map<std::string, std::string_view>> read_stored_zip(std::string_view archive) {
  const auto directory = find_directory(archive);
  if (!directory) return directory.error();
  std::map<std::string, std::string_view> entries;
  std::uint64_t at = directory->at;
  for (std::uint64_t i = 0; i < directory->entries; ++i) {
    const auto head = piece(archive, at, kCentralSize);
    if (!head || *number(*head, 0, 4) != kCentral) return damaged("its directory is cut");
    const std::uint64_t name_size = *number(*head, 28, 2), extra_size = *number(*head, 30, 2);
    const auto name = piece(archive, at + kCentralSize, name_size);
    const auto extra = piece(archive, at + kCentralSize + name_size, extra_size);
    if (!name || !extra) return damaged("its directory is cut");
    Record record{*number(*head, 20, 4), *number(*head, 24, 4), *number(*head, 42, 4)};
    if (!read_zip64(*extra, record)) return damaged("a zip64 field is cut");
    if (*number(*head, 10, 2) != 0 || (*number(*head, 8, 2) & 1) != 0 ||
        record.stored != record.size)
      return corrupt("the entry \"" + std::string(*name) +
                     "\" is compressed or encrypted, which torch.save does not do");
    const auto bytes = entry_bytes(archive, record, std::string(*name),
                                   static_cast<std::uint32_t>(*number(*head, 16, 4)));
    if (!bytes) return bytes.error();
    if (!entries.emplace(*name, *bytes).second)
      return damaged("it has the entry \"" + std::string(*name) + "\" twice");
    at += kCentralSize + name_size + extra_size + *number(*head, 32, 2);
  }
  return entries;
}

Result<std::string> write_stored_zip(const std::vector<ZipEntry>& entries) {
  std::uint64_t total = kEndSize;
  for (const ZipEntry& entry : entries)
    total +=
        kLocalSize + kCentralSize + 2 * entry.name.size() + 2 * kAlignment + entry.bytes.size();
  if (total > kMaxPlain || entries.size() > 0xfffe)
    return invalid_argument("a file of this form holds less than 4 GiB here");
  std::string out, central;
  for (const ZipEntry& entry : entries) {
    put_central(central, entry, out.size());
    put_local(out, entry);
  }
  const std::size_t at = out.size();
  out += central;
  put(out, kEnd, 4);
  put(out, 0, 4);
  put(out, entries.size(), 2);
  put(out, entries.size(), 2);
  put(out, central.size(), 4);
  put(out, at, 4);
  put(out, 0, 2);
  return out;
}

}  // namespace plateau::trainer
