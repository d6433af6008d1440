#include "common/base/sha256.h"

#include <algorithm>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.h"

namespace plateau {
namespace {

// FIPS 180-4 examples: empty, one block, two blocks, a million times 'a'.
TEST(Sha256, publishedExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Wherever the processor has instructions for it; the other tests use these then.
TEST(Sha256, portableBlock_givesTheSameAsTheProcessors) {
  const Sha256Block of_processor = sha256_block_of_processor();
  if (of_processor == nullptr) GTEST_SKIP() << "this processor has no SHA instructions";
  std::array<std::uint8_t, 64> block{};
  Sha256State ours{1, 2, 3, 4, 5, 6, 7, 0xffffffff};
  Sha256State its = ours;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    block[i % 64] = static_cast<std::uint8_t>(block[i % 64] * 31 + i + (ours[i % 8] & 0xff));
    sha256_block_portable(ours, block.data());
    of_processor(its, block.data());
    ASSERT_EQ(ours, its) << "after " << i;
  }
}

TEST(Sha256, portableBlock_givesThePublishedExample) {
  std::array<std::uint8_t, 64> abc{'a', 'b', 'c', 0x80};
  abc[63] = 24;
  Sha256State state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  sha256_block_portable(state, abc.data());
  EXPECT_EQ(state[0], 0xba7816bfu);
  EXPECT_EQ(state[7], 0xf20015adu);
}

TEST(Sha256, update_inPiecesOfEverySize_givesTheSame) {
  std::string bytes;
  for (int i = 0; i < 300; ++i)
    bytes += static_cast<char>(i * 7);
  for (std::size_t piece = 1; piece < 140; ++piece) {
    Sha256 hash;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      hash.update(bytes.data() + at, std::min(piece, bytes.size() - at));
    }
    ASSERT_EQ(hash.hex(), sha256_hex(bytes)) << "pieces of " << piece;
  }
}

TEST(Sha256, ofFile_longerThanAPiece) {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("plateau-sha-" + std::to_string(::getpid()));
  const std::string bytes((1 << 20) + 17, 'x');
  ASSERT_TRUE(write_file_atomically(path, bytes));
  EXPECT_EQ(sha256_of_file(path).value(), sha256_hex(bytes));
  std::filesystem::remove(path);
  EXPECT_EQ(sha256_of_file(path).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace plateau
