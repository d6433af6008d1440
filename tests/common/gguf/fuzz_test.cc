// Seeded mutations of a sound file: whatever the bytes, a Result or sound tensors, never a crash.
#include <random>

#include <gtest/gtest.h>

#include "common/gguf/gguf.h"
#include "tests/common/gguf/gguf_bytes.h"

namespace plateau {
namespace {

TEST(GgufFuzz, MutatedFilesNeverCrash) {
  const std::string sound = sound_gguf();
  std::mt19937_64 random(4);
  int accepted = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = sound;
    for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 4 == 0 ? 255 : random() % 256);
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    const Result<GgufFile> file = GgufFile::from_bytes(as_bytes(bytes), "mutated");
    ++(file ? accepted : refused);
    if (!file) continue;
    for (const auto& [name, tensor] : file->tensors()) {
      std::int64_t count = 1;
      for (const std::int64_t extent : tensor.shape)
        count *= extent;
      EXPECT_EQ(decode_tensor(tensor).size(), static_cast<std::size_t>(count)) << name;
    }
  }
  // Both ways were walked.
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace plateau
