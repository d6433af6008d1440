#include "common/gguf/gguf.h"

#include <gtest/gtest.h>

#include "tests/common/gguf/gguf_bytes.h"

namespace plateau {
namespace {

std::string message_of(const std::string& bytes) {
  const Result<GgufFile> file = GgufFile::from_bytes(as_bytes(bytes), "m.gguf");
  return file ? "" : file.error().message;
}

// A file of nothing but these tensors.
std::string message_of(const std::vector<TensorBytes>& tensors, std::size_t data_bytes) {
  return message_of(gguf_bytes(0, "", tensors, std::string(data_bytes, '\0')));
}

#define EXPECT_SAYS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

TEST(Gguf, ReadsMetadataAndTensors) {
  const std::string bytes = sound_gguf();
  const Result<GgufFile> file = GgufFile::from_bytes(as_bytes(bytes), "m.gguf");
  ASSERT_TRUE(file) << file.error().message;
  const auto& metadata = file->metadata();
  EXPECT_EQ(std::get<std::string>(metadata.at("general.architecture")), "llama");
  EXPECT_EQ(std::get<std::int64_t>(metadata.at("small")), -2);
  EXPECT_EQ(std::get<double>(metadata.at("eps")), 0.25);
  EXPECT_EQ(std::get<std::vector<std::string>>(metadata.at("tokens")),
            (std::vector<std::string>{"a", "bc"}));
  const GgufTensor& a = file->tensors().at("a");
  EXPECT_EQ(a.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(decode_tensor(a), (std::vector<float>{0.5F, 1.5F, 2.5F, 3.5F, 4.5F, 5.5F}));
  const std::vector<float> b = decode_tensor(file->tensors().at("b"));
  ASSERT_EQ(b.size(), 32U);
  EXPECT_EQ(b[0], -8.0F);
  EXPECT_EQ(b[31], 7.5F);
}

TEST(Gguf, EveryCutIsAnError) {
  const std::string bytes = sound_gguf();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // A copy of its own, so that a sanitizer sees a read past the end.
    const std::string cut = bytes.substr(0, size);
    EXPECT_NE(message_of(cut), "") << size;
  }
}

TEST(Gguf, LyingTensorsAreErrors) {
  EXPECT_SAYS(message_of({{"a", {16}, 0, 0}, {"b", {16}, 0, 32}}, 96), "inside of the one before");
  EXPECT_SAYS(message_of({{"a", {8}, 0, 8}}, 96), "not aligned to 32");
  EXPECT_SAYS(message_of({{"a", {64}, 0, 0}}, 96), "has 256 bytes, but the file holds only 96");
  EXPECT_SAYS(message_of({{"a", {31}, 2, 0}}, 96), "blocks of 32 values");
  EXPECT_SAYS(message_of({{"a", {1, 1, 1, 1, 1}, 0, 0}}, 96), "5 dimensions");
  EXPECT_SAYS(message_of({{"a", {1ULL << 62, 1ULL << 62}, 0, 0}}, 96), "impossible shape");
  EXPECT_SAYS(message_of({{"a", {8}, 0, 0}, {"a", {8}, 0, 32}}, 96), "twice");
  EXPECT_SAYS(message_of({{"a", {256}, 10, 0}}, 96), "number 10, which is not supported");
}

TEST(Gguf, LyingMetadataIsAnError) {
  std::string endless;
  put_text(endless, "tokens");
  put(endless, 9, 4);
  put(endless, 8, 4);
  put(endless, 1ULL << 60, 8);
  EXPECT_SAYS(message_of(gguf_bytes(1, endless, {}, "")), "metadata entry 1 of 1");
  std::string unknown;
  put_text(unknown, "k");
  put(unknown, 13, 4);
  EXPECT_SAYS(message_of(gguf_bytes(1, unknown, {}, "")), "unknown type 13");
  std::string split;
  put_text(split, "split.count");
  put(split, 2, 4);
  put(split, 3, 2);
  EXPECT_SAYS(message_of(gguf_bytes(1, split, {}, "")), "one of the 3 parts");
  std::string alignment;
  put_text(alignment, "general.alignment");
  put(alignment, 4, 4);
  put(alignment, 24, 4);
  EXPECT_SAYS(message_of(gguf_bytes(1, alignment, {}, "")), "alignment is 24");
}

TEST(Gguf, OtherFilesAndVersionsAreErrors) {
  EXPECT_SAYS(message_of(std::string(64, 'x')), "does not begin with \"GGUF\"");
  std::string first = sound_gguf();
  first[4] = 1;
  EXPECT_SAYS(message_of(first), "GGUF version 1");
  EXPECT_EQ(GgufFile::open("/nowhere/m.gguf").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace plateau
