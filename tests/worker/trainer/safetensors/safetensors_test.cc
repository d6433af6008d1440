#include "worker/trainer/safetensors/safetensors.h"

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/file.h"

namespace plateau::trainer {
namespace {

using testing::HasSubstr;

std::filesystem::path temporary(const std::string& name) {
  const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / (std::string("safetensors_") + test->name());
  std::filesystem::create_directories(folder);
  return folder / name;
}

// A file by hand: header length, header, data.
std::string file_bytes(const std::string& header, const std::string& data) {
  std::string bytes;
  for (unsigned shift = 0; shift < 64; shift += 8) {
    bytes.push_back(static_cast<char>((static_cast<std::uint64_t>(header.size()) >> shift) & 0xff));
  }
  return bytes + header + data;
}

// The error that a file of these bytes gives; fails the test when there is none.
std::string error_of(const std::string& bytes) {
  const auto file = SafetensorsFile::from_bytes(std::as_bytes(std::span(bytes)), "bad.safetensors");
  if (file) {
    ADD_FAILURE() << "the file was accepted";
    return "";
  }
  EXPECT_EQ(file.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(file.error().message, HasSubstr("bad.safetensors"));
  return file.error().message;
}

template <typename T>
TensorToWrite tensor(const std::string& name, DType dtype, std::vector<std::int64_t> shape,
                     const std::vector<T>& values) {
  return {name, dtype, std::move(shape), std::as_bytes(std::span(values))};
}

TEST(Safetensors, ReadsWhatItWrote) {
  const std::vector<float> a{1, 2, 3, 4, 5, 6};
  const std::vector<double> b{0.5};
  const std::vector<std::uint8_t> c{9};
  const std::filesystem::path path = temporary("a.safetensors");
  ASSERT_TRUE(write_safetensors(
      path,
      {tensor("z", DType::kF32, {2, 3}, a), tensor("scalar", DType::kF64, {}, b),
       tensor("flag", DType::kBool, {1}, c), TensorToWrite{"none", DType::kF32, {0, 4}, {}}},
      {{"format", "pt"}, {"a", "b"}}));
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->metadata(), (std::map<std::string, std::string>{{"a", "b"}, {"format", "pt"}}));
  ASSERT_EQ(file->tensors().size(), 4U);
  const TensorView z = *file->get("z");
  EXPECT_EQ(z.dtype, DType::kF32);
  EXPECT_EQ(z.shape, (std::vector<std::int64_t>{2, 3}));
  std::vector<float> read(6);
  std::memcpy(read.data(), z.bytes.data(), z.bytes.size());
  EXPECT_EQ(read, a);
  EXPECT_EQ(element_count(*file->find("scalar")), 1);
  EXPECT_EQ(element_count(*file->find("none")), 0);
}

TEST(Safetensors, WritesTheBytesThatHuggingFaceWrites) {
  // As safetensors 0.8.0 writes it (save_file of w float32 [2] = [1, 2], b float16 [1], i int64
  // [1], metadata format=pt): large types first, then names; header padded with spaces.
  const std::string expected_header =
      R"({"__metadata__":{"format":"pt"},"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
      R"("w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},)"
      R"("b":{"dtype":"F16","shape":[1],"data_offsets":[16,18]}})";
  const std::vector<float> w{1, 2};
  const std::vector<std::uint16_t> b{0x3c00};
  const std::vector<std::int64_t> i{7};
  const std::filesystem::path path = temporary("a.safetensors");
  ASSERT_TRUE(write_safetensors(path,
                                {tensor("w", DType::kF32, {2}, w), tensor("b", DType::kF16, {1}, b),
                                 tensor("i", DType::kI64, {1}, i)},
                                {{"format", "pt"}}));
  const std::string bytes = *read_file(path);
  const std::size_t padded = (expected_header.size() + 7) / 8 * 8;
  EXPECT_EQ(bytes.size(), 8 + padded + 18);
  EXPECT_EQ(static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])), padded & 0xff);
  EXPECT_EQ(bytes.substr(8, expected_header.size()), expected_header);
  EXPECT_EQ(bytes.substr(8 + expected_header.size(), padded - expected_header.size()),
            std::string(padded - expected_header.size(), ' '));
}

TEST(Safetensors, SameContentGivesSameBytes) {
  const std::vector<float> a{1};
  const std::vector<float> b{2};
  const auto x = temporary("x.safetensors");
  const auto y = temporary("y.safetensors");
  ASSERT_TRUE(
      write_safetensors(x, {tensor("a", DType::kF32, {1}, a), tensor("b", DType::kF32, {1}, b)}));
  ASSERT_TRUE(
      write_safetensors(y, {tensor("b", DType::kF32, {1}, b), tensor("a", DType::kF32, {1}, a)}));
  EXPECT_EQ(*read_file(x), *read_file(y));
}

TEST(Safetensors, ViewsOutliveTheFileThroughKeepAlive) {
  const std::vector<float> a{42};
  const auto path = temporary("a.safetensors");
  ASSERT_TRUE(write_safetensors(path, {tensor("a", DType::kF32, {1}, a)}));
  std::shared_ptr<const void> alive;
  TensorView view;
  {
    const auto file = SafetensorsFile::open(path);
    ASSERT_TRUE(file);
    alive = file->keep_alive();
    view = *file->get("a");
  }
  float read = 0;
  std::memcpy(&read, view.bytes.data(), 4);
  EXPECT_EQ(read, 42);
}

TEST(Safetensors, RefusesToWriteWhatDoesNotFit) {
  const std::vector<float> a{1, 2};
  const auto path = temporary("a.safetensors");
  EXPECT_THAT(write_safetensors(path, {tensor("a", DType::kF32, {3}, a)}).error().message,
              HasSubstr("F32 of shape [3] but has 8 bytes"));
  EXPECT_THAT(
      write_safetensors(path, {tensor("a", DType::kF32, {2}, a), tensor("a", DType::kI32, {2}, a)})
          .error()
          .message,
      HasSubstr("given twice"));
  EXPECT_FALSE(write_safetensors(path, {tensor("__metadata__", DType::kF32, {2}, a)}));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Safetensors, MissingFile) {
  const auto file = SafetensorsFile::open("/nowhere/model.safetensors");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(file.error().message, HasSubstr("/nowhere/model.safetensors"));
}

TEST(Safetensors, MissingTensorNamesTheNearest) {
  const std::vector<float> a{1};
  const auto path = temporary("a.safetensors");
  ASSERT_TRUE(write_safetensors(path, {tensor("encoder.weight", DType::kF32, {1}, a)}));
  const auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_THAT(file->get("encoder.wieght").error().message,
              HasSubstr("(nearest: \"encoder.weight\")"));
}

TEST(Safetensors, EmptyFile) {
  const auto path = temporary("empty.safetensors");
  std::ofstream(path).close();
  const auto file = SafetensorsFile::open(path);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("fewer than the 8"));
}

TEST(Safetensors, TruncatedHeader) {
  const std::string bytes =
      file_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x");
  EXPECT_THAT(error_of(bytes.substr(0, 20)), HasSubstr("bytes, but only 12 follow"));
}

TEST(Safetensors, TruncatedData) {
  const std::string message = error_of(
      file_bytes(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", "0123456789"));
  EXPECT_THAT(message, HasSubstr("tensor \"a\""));
  EXPECT_THAT(message, HasSubstr("holds only 10 bytes"));
}

TEST(Safetensors, TrailingBytes) {
  EXPECT_THAT(
      error_of(file_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "xyz")),
      HasSubstr("end at byte 1, but 3 bytes"));
}

TEST(Safetensors, HeaderLengthOverTheLimit) {
  std::string bytes(64, '\0');
  bytes[7] = '\x7f';
  EXPECT_THAT(error_of(bytes), HasSubstr("over the limit of 100000000"));
}

TEST(Safetensors, NotJson) {
  EXPECT_THAT(error_of(file_bytes("{\"a\": oops}", "")), HasSubstr("not JSON"));
  EXPECT_THAT(error_of(file_bytes("[1]", "")), HasSubstr("no object"));
}

TEST(Safetensors, Overlap) {
  const std::string message =
      error_of(file_bytes(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                          R"("b":{"dtype":"U8","shape":[3],"data_offsets":[2,5]}})",
                          "01234"));
  EXPECT_THAT(message, HasSubstr("tensor \"b\" overlaps"));
}

TEST(Safetensors, Hole) {
  EXPECT_THAT(error_of(file_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                  R"("b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
                                  "012")),
              HasSubstr("tensor \"b\" leaves a hole"));
}

TEST(Safetensors, ReversedOffsets) {
  EXPECT_THAT(error_of(file_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", "0")),
              HasSubstr("reversed data_offsets [1, 0)"));
}

TEST(Safetensors, ShapeThatDoesNotFitItsBytes) {
  EXPECT_THAT(
      error_of(file_bytes(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "0123")),
      HasSubstr("F32 of shape [2], that is 8 bytes, but its data_offsets [0, 4) span 4"));
}

TEST(Safetensors, OverflowingShape) {
  // 2^32 * 2^32 is 0 modulo 2^64: a product that is not checked would fit zero bytes.
  EXPECT_THAT(
      error_of(file_bytes(
          R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", "")),
      HasSubstr("impossible shape"));
}

TEST(Safetensors, DuplicateName) {
  EXPECT_THAT(error_of(file_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                  R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                                  "0")),
              HasSubstr("\"a\" twice"));
}

TEST(Safetensors, WrongTypesInTheHeader) {
  EXPECT_THAT(error_of(file_bytes(R"({"a":7})", "")), HasSubstr("no object"));
  EXPECT_THAT(error_of(file_bytes(R"({"a":{"shape":[],"data_offsets":[0,1]}})", "0")),
              HasSubstr("no dtype"));
  EXPECT_THAT(error_of(file_bytes(R"({"a":{"dtype":"F31","shape":[],"data_offsets":[0,1]}})", "0")),
              HasSubstr("unknown dtype \"F31\" (known: BOOL"));
  EXPECT_THAT(error_of(file_bytes(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", "0")),
              HasSubstr("no shape"));
  EXPECT_THAT(
      error_of(file_bytes(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", "0")),
      HasSubstr("no list of sizes"));
  EXPECT_THAT(error_of(file_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", "0")),
              HasSubstr("no pair"));
  EXPECT_THAT(
      error_of(file_bytes(R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})", "0")),
      HasSubstr("no list of sizes"));
  EXPECT_THAT(error_of(file_bytes(R"({"__metadata__":{"a":1}})", "")), HasSubstr("no string"));
  EXPECT_THAT(error_of(file_bytes(R"({"__metadata__":3})", "")), HasSubstr("no object"));
}

TEST(Safetensors, DeepNestingIsRefusedWithoutRecursion) {
  EXPECT_THAT(error_of(file_bytes(
                  "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}", "")),
              HasSubstr("nested deeper"));
}

class ModelWeightsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = temporary("model");
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void shard(const std::string& name, const std::vector<TensorToWrite>& tensors) {
    ASSERT_TRUE(write_safetensors(folder_ / name, tensors));
  }
  void index(const std::string& text) {
    ASSERT_TRUE(write_file_atomically(folder_ / "model.safetensors.index.json", text));
  }
  std::filesystem::path folder_;
  std::vector<float> value_{3};
};

TEST_F(ModelWeightsTest, ReadsTheShardsOfTheIndex) {
  shard("model-1.safetensors", {tensor("a", DType::kF32, {1}, value_)});
  shard("model-2.safetensors", {tensor("b", DType::kF32, {1}, value_)});
  index(R"({"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  std::shared_ptr<const void> alive;
  TensorView b;
  {
    const auto weights = ModelWeights::open(folder_);
    ASSERT_TRUE(weights) << weights.error().message;
    EXPECT_EQ(weights->names(), (std::vector<std::string>{"a", "b"}));
    alive = weights->keep_alive();
    b = *weights->get("b");
  }
  float read = 0;
  std::memcpy(&read, b.bytes.data(), 4);
  EXPECT_EQ(read, 3);
}

TEST_F(ModelWeightsTest, OneFile) {
  shard("model.safetensors", {tensor("a", DType::kF32, {1}, value_)});
  EXPECT_TRUE(ModelWeights::open(folder_));
  const auto weights = ModelWeights::open(folder_ / "model.safetensors");
  ASSERT_TRUE(weights);
  EXPECT_THAT(weights->get("aa").error().message, HasSubstr("config.json"));
}

TEST_F(ModelWeightsTest, FolderWithoutWeights) {
  const auto weights = ModelWeights::open(folder_);
  ASSERT_FALSE(weights);
  EXPECT_EQ(weights.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(weights.error().message, HasSubstr("neither model.safetensors nor"));
}

TEST_F(ModelWeightsTest, IndexThatPromisesTooMuch) {
  shard("model-1.safetensors", {tensor("a", DType::kF32, {1}, value_)});
  index(R"({"weight_map":{"b":"model-1.safetensors"}})");
  EXPECT_THAT(ModelWeights::open(folder_).error().message, HasSubstr("that shard lacks it"));
}

TEST_F(ModelWeightsTest, IndexThatLeavesTheFolder) {
  index(R"({"weight_map":{"a":"../model.safetensors"}})");
  EXPECT_THAT(ModelWeights::open(folder_).error().message, HasSubstr("same folder"));
  index("[]");
  EXPECT_THAT(ModelWeights::open(folder_).error().message, HasSubstr("weight_map"));
}

}  // namespace
}  // namespace plateau::trainer
