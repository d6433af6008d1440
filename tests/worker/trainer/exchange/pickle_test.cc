// Pickles of state dicts: what torch.save wrote, what is written here, and hostile ones.
#include "worker/trainer/exchange/pickle.h"

#include <random>

#include <gtest/gtest.h>

namespace plateau::trainer {
namespace {

// data.pkl of torch.save (2.11.0) of the state dict of a Linear(3, 2): weight [2, 3] float32, bias
// [2] bfloat16, column (a transposed [2, 3]), parameter (a Parameter, float64), and _metadata.
constexpr char kReal[] =
    "800263636f6c6c656374696f6e730a4f726465726564446963740a7100295271012858060000007765696768"
    "74710263746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a7103282858070000"
    "0073746f72616765710463746f7263680a466c6f617453746f726167650a7105580100000030710658030000"
    "0063707571074b06747108514b004b024b038671094b034b0186710a8968002952710b74710c52710d580400"
    "000062696173710e68032828680463746f7263680a42466c6f6174313653746f726167650a710f5801000000"
    "31711068074b02747111514b004b028571124b01857113896800295271147471155271165806000000636f6c"
    "756d6e71176803282868046805580100000032711868074b06747119514b004b034b0286711a4b014b038671"
    "1b8968002952711c74711d52711e5809000000706172616d65746572711f63746f7263682e5f7574696c730a"
    "5f72656275696c645f706172616d657465720a712068032828680463746f7263680a446f75626c6553746f72"
    "6167650a7121580100000033712268074b01747123514b004b018571244b0185712589680029527126747127"
    "5271288868002952712987712a52712b757d712c58090000005f6d65746164617461712d68002952712e5800"
    "000000712f7d7130580700000076657273696f6e71314b01737373622e";

std::string real_pickle() {
  std::string bytes;
  const std::string hex = kReal;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string refusal(const std::string& pickle) {
  const auto read = read_pickled_tensors(pickle);
  return read ? "" : read.error().message;
}

TEST(ReadPickle, takes_what_torch_saved) {
  const auto read = read_pickled_tensors(real_pickle());
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 4U);
  EXPECT_EQ((*read)[0].name, "weight");
  EXPECT_EQ((*read)[0].shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ((*read)[1].dtype, DType::kBF16);
  EXPECT_EQ((*read)[1].storage, "1");
  EXPECT_EQ((*read)[2].strides, (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ((*read)[3].name, "parameter");
  EXPECT_EQ((*read)[3].dtype, DType::kF64);
}

TEST(WritePickle, gives_back_what_it_was_given) {
  const std::vector<PickledTensor> tensors = {
      {"a", DType::kF32, "0", 300000, 70000, {3, 400}, {400, 1}},
      {"scalar", DType::kI64, "1", 1, 0, {}, {}},
      {"none", DType::kF16, "2", 0, 0, {0, 5}, {5, 1}}};
  const auto pickle = write_pickled_tensors(tensors);
  ASSERT_TRUE(pickle);
  const auto read = read_pickled_tensors(*pickle);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*read)[i].name, tensors[i].name);
    EXPECT_EQ((*read)[i].dtype, tensors[i].dtype);
    EXPECT_EQ((*read)[i].storage_elements, tensors[i].storage_elements);
    EXPECT_EQ((*read)[i].offset, tensors[i].offset);
    EXPECT_EQ((*read)[i].shape, tensors[i].shape);
    EXPECT_EQ((*read)[i].strides, tensors[i].strides);
  }
  EXPECT_FALSE(write_pickled_tensors({{"a", DType::kU64, "0", 1, 0, {1}, {1}}}));
}

// Tried: with every name let through known_name() as an OrderedDict, the first two are read.
TEST(ReadPickle, refuses_programs) {
  EXPECT_NE(refusal("\x80\x02"
                    "cos\nsystem\nX\x02\x00\x00\x00ls\x85R.")
                .find("os.system"),
            std::string::npos);
  EXPECT_NE(refusal("\x80\x02"
                    "cbuiltins\neval\n)R.")
                .find("no place"),
            std::string::npos);
  using namespace std::string_literals;
  EXPECT_NE(refusal("\x80\x04\x8c\x02os\x8c\x06system\x93."s).find("opcode"), std::string::npos);
  EXPECT_NE(refusal("\x80\x02(ios\nsystem\n."s).find("opcode"), std::string::npos);
  EXPECT_NE(refusal("\x80\x02}X\x01\x00\x00\x00"
                    "aK\x01s."s)
                .find("more than tensors"),
            std::string::npos);
  EXPECT_NE(refusal("\x80\x02K\x01."s).find("something else"), std::string::npos);
  EXPECT_NE(refusal("").find("does not begin"), std::string::npos);
}

TEST(ReadPickle, refuses_views_outside_of_their_storage) {
  const auto refused = [](PickledTensor tensor) {
    const auto pickle = write_pickled_tensors({tensor});
    return pickle && !read_pickled_tensors(*pickle);
  };
  const PickledTensor sound{"a", DType::kF32, "0", 6, 0, {2, 3}, {3, 1}};
  EXPECT_FALSE(refused(sound));
  PickledTensor bad = sound;
  bad.offset = 1;
  EXPECT_TRUE(refused(bad));
  bad = sound;
  bad.strides = {4, 1};
  EXPECT_TRUE(refused(bad));
  bad = sound;
  bad.shape = {1000000, 1000000};
  bad.strides = {0, 0};  // Every element lies inside, but there are far too many.
  EXPECT_TRUE(refused(bad));
  bad.shape = {std::int64_t{1} << 62, 4};
  EXPECT_TRUE(refused(bad));
  bad = sound;
  bad.strides = {-3, 1};
  EXPECT_TRUE(refused(bad));
  bad.shape = std::vector<std::int64_t>(65, 1);
  bad.strides = bad.shape;
  EXPECT_TRUE(refused(bad));
}

TEST(ReadPickle, nests_no_deeper_than_it_can_free) {
  std::string deep = "\x80\x02)";
  deep.append(1000000, '\x85');
  EXPECT_NE(refusal(deep + ".").find("too deeply"), std::string::npos);
}

TEST(PickleFuzz, changed_and_cut_ones_are_refused_or_sound) {
  const std::string sound = real_pickle();
  std::mt19937_64 random(7);
  int accepted = 0, refused = 0;
  for (std::size_t size = 0; size < sound.size(); ++size)
    EXPECT_FALSE(read_pickled_tensors(std::string_view(sound).substr(0, size)));
  for (int round = 0; round < 50000; ++round) {
    std::string bytes = sound;
    for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % bytes.size();
      // Often an opcode that is known, which reaches deeper than a random byte.
      bytes[at] =
          random() % 2 == 0 ? sound[random() % sound.size()] : static_cast<char>(random() % 256);
    }
    const auto read = read_pickled_tensors(bytes);
    ++(read ? accepted : refused);
    if (!read) continue;
    for (const PickledTensor& tensor : *read) {
      std::int64_t last = tensor.offset, count = 1;
      for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
        last += (tensor.shape[i] - 1) * tensor.strides[i];
        count *= tensor.shape[i];
      }
      EXPECT_TRUE(count == 0 || (last >= 0 && last < tensor.storage_elements));
      EXPECT_LE(count, tensor.storage_elements);
    }
  }
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace plateau::trainer
