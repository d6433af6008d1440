// Seeded mutations of valid files: whatever the bytes, a Result or sound views, never a crash.
#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/base/random.h"
#include "tests/worker/trainer/safetensors/fuzz_entry.h"
#include "worker/trainer/safetensors/safetensors.h"

namespace plateau::trainer {
namespace {

std::string valid_file(const std::filesystem::path& folder) {
  const std::vector<float> a(12, 1.5F);
  const std::vector<std::uint8_t> b(5, 7);
  const std::vector<std::int64_t> c{1, 2};
  const std::vector<TensorToWrite> tensors{
      {"layer.0.weight", DType::kF32, {3, 4}, std::as_bytes(std::span(a))},
      {"bytes", DType::kU8, {5}, std::as_bytes(std::span(b))},
      {"empty", DType::kF16, {0, 9}, {}},
      {"ids", DType::kI64, {2, 1}, std::as_bytes(std::span(c))}};
  const std::filesystem::path path = folder / "fuzz_seed.safetensors";
  EXPECT_TRUE(write_safetensors(path, tensors, {{"format", "pt"}}));
  return *read_file(path);
}

const std::vector<std::string>& tokens() {
  static const std::vector<std::string> kTokens{"{",
                                                "}",
                                                "[",
                                                "]",
                                                ",",
                                                ":",
                                                "\"",
                                                "-1",
                                                "0",
                                                "18446744073709551615",
                                                "9223372036854775807",
                                                "1e300",
                                                "null",
                                                "\"F32\"",
                                                "\"dtype\"",
                                                "\"shape\"",
                                                "\"data_offsets\"",
                                                "\"__metadata__\"",
                                                "[0,0]",
                                                "[4294967296,4294967296]",
                                                "\\u0000",
                                                std::string(1, '\0'),
                                                "\xff",
                                                "[[[[[[[["};
  return kTokens;
}

// One to four edits: a flipped bit, a random byte, a cut, a repeated piece, a JSON token in place
// of bytes, a changed header length, a changed digit (shapes and offsets that lie).
std::string mutate(std::string bytes, Random& random) {
  const std::uint64_t edits = 1 + random.below(4);
  for (std::uint64_t edit = 0; edit < edits && !bytes.empty(); ++edit) {
    const auto at = static_cast<std::size_t>(random.below(bytes.size()));
    switch (random.below(7)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, static_cast<std::size_t>(random.below(40))));
        break;
      case 4: {
        const std::string& token =
            tokens()[static_cast<std::size_t>(random.below(tokens().size()))];
        bytes.replace(at, static_cast<std::size_t>(random.below(6)), token);
        break;
      }
      case 5:
        bytes[static_cast<std::size_t>(random.below(8)) % bytes.size()] =
            static_cast<char>(random.below(256));
        break;
      default: {
        const std::size_t digit = bytes.find_first_of("0123456789", at);
        if (digit != std::string::npos) bytes[digit] = static_cast<char>('0' + random.below(10));
      }
    }
  }
  return bytes;
}

// Edits that keep the JSON whole and the header's length true, so that they reach the later checks:
// a number becomes another, a value becomes a nested list, a tensor takes another's name or place.
std::string mutate_header(const std::string& bytes, Random& random) {
  std::size_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  std::string header = bytes.substr(8, length);
  const std::string data = bytes.substr(8 + length);
  const auto at = static_cast<std::size_t>(random.below(header.size()));
  const std::size_t digit = header.find_first_of("0123456789", at);
  const std::size_t digits_end = header.find_first_not_of("0123456789", digit);
  const auto replace_number = [&](const std::string& by) {
    if (digit != std::string::npos) header.replace(digit, digits_end - digit, by);
  };
  switch (random.below(5)) {
    case 0:
      replace_number(std::to_string(random.below(64)));
      break;
    case 1:
      replace_number(std::to_string(random.next()));
      break;
    case 2:
      replace_number("[[[1]]]");
      break;
    case 3: {
      const std::size_t name = header.find("layer.0.weight");
      header.replace(name, 14, random.below(2) == 0 ? "ids" : "__metadata__");
      break;
    }
    default: {
      // Moves one boundary between two tensors in one of the two only: a hole or an overlap.
      const std::size_t offsets = header.find("data_offsets\":[", at);
      if (offsets == std::string::npos) break;
      const std::size_t start = offsets + 15;
      const std::size_t comma = header.find(',', start);
      const int begin = std::stoi(header.substr(start, comma - start));
      const int shift = static_cast<int>(random.below(9)) - 4;
      const int end = std::stoi(header.substr(comma + 1));
      const std::string moved = std::to_string(std::max(0, begin + shift)) + "," +
                                std::to_string(std::max(0, end + shift));
      header.replace(start, header.find(']', start) - start, moved);
    }
  }
  const std::size_t new_length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &new_length, sizeof new_length);
  return file + header + data;
}

TEST(SafetensorsFuzz, TwentyThousandMutationsNeitherCrashNorLeaveTheFile) {
  const std::string seed_file = valid_file(testing::TempDir());
  int sound = 0;
  std::map<std::string, int> broken;  // by the words of the error, without its numbers
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    Random random(derive_seed(seed, "safetensors-fuzz"));
    const std::string bytes =
        seed % 2 == 0 ? mutate(seed_file, random) : mutate_header(seed_file, random);
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_EQ(
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()),
        0);
    const auto file = SafetensorsFile::from_bytes(std::as_bytes(std::span(bytes)), "fuzz");
    if (file) {
      ++sound;
      continue;
    }
    for (const char* const kind :
         {"not JSON", "twice", "but only", "over the limit", "reversed", "hole", "overlaps", "span",
          "fewer than the 8", "dtype", "tensors end", "holds only", "nested", "metadata"}) {
      if (file.error().message.find(kind) != std::string::npos) ++broken[kind];
    }
  }
  // The mutations reach both sides: data bytes that may change, and each check of the header.
  EXPECT_GT(sound, 100);
  EXPECT_EQ(broken.size(), 14U) << testing::PrintToString(broken);
}

}  // namespace
}  // namespace plateau::trainer
