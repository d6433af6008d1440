// A GGUF base with an adapter merged into it is a folder in Hugging Face format with the same
// logits.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/worker/trainer/support/tiny.h"
#include "tests/worker/trainer/support/tiny_gguf.h"
#include "worker/trainer/adapters/peft_files.h"
#include "worker/trainer/eval/evaluate.h"
#include "worker/trainer/exchange/commands.h"
#include "worker/trainer/exchange/trained.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::fresh_folder;
using testing::Metadata;
using testing::tiny_data;
using testing::tiny_member;
using testing::tiny_trial;

// a to z, the bytes of a space and of the beginning, end and padding.
Metadata with_tokenizer(const std::string& pre_tokenizer) {
  std::vector<std::string> tokens;
  for (char letter = 'a'; letter <= 'z'; ++letter)
    tokens.emplace_back(1, letter);
  std::vector<std::int32_t> types(tokens.size(), 1);
  for (const char* control : {"<s>", "</s>", "<pad>"}) {
    tokens.emplace_back(control);
    types.push_back(3);
  }
  tokens.emplace_back("ab");
  types.push_back(1);
  return testing::llama_metadata()
      .text("tokenizer.ggml.model", "gpt2")
      .text("tokenizer.ggml.pre", pre_tokenizer)
      .texts("tokenizer.ggml.tokens", tokens)
      .integers("tokenizer.ggml.token_type", types)
      .texts("tokenizer.ggml.merges", {"a b"})
      .count("tokenizer.ggml.bos_token_id", 26)
      .count("tokenizer.ggml.eos_token_id", 27)
      .count("tokenizer.ggml.padding_token_id", 28);
}

// A trial of `method`, trained for some steps over the blocks of the file as they are.
struct Example {
  fs::path base;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Dataset> data = tiny_data();
  fs::path adapter = fresh_folder("adapter");
  at::Tensor logits;  // of the test split

  Example(const std::string& method, const Metadata& metadata)
      : base(testing::write_gguf(testing::gguf_of(testing::half_tensors(), metadata))) {
    model = *load_model(base, {Pooling::kCls, at::TensorOptions().dtype(at::kDouble)});
    const auto member = tiny_member(tiny_trial(method, 3, 5), model, data);
    Pack pack;
    pack.join(member.get());
    for (int i = 0; i < 3; ++i)
      pack.step();
    pack.leave(member.get());
    const at::NoGradGuard no_grad;
    logits = member->head().logits(split_features(*model, &member->adapter(), data->test));
    EXPECT_TRUE(save_adapter(adapter, member->adapter(), member->head(), "tiny"));
  }

  int merge(const fs::path& out, std::ostream& err) const {
    return export_command(
        {adapter.string(), "--base", base.string(), "--format", "merged", "--out", out.string()},
        err);
  }
};

Json read_json(const fs::path& path) {
  return Json::parse(*read_file(path));
}

// An adapter that adds nothing and brings no head: the model's own is taken.
at::Tensor logits_of(const fs::path& folder, const Split& split) {
  const auto model = load_model(folder, {Pooling::kCls, at::TensorOptions().dtype(at::kDouble)});
  EXPECT_TRUE(model) << model.error().message;
  const auto nothing = fresh_folder("nothing");
  const Json config = {{"peft_type", "SELECTIVE"}, {"method", "none"}};
  EXPECT_TRUE(write_file_atomically(nothing / "adapter_config.json", config.dump()));
  EXPECT_TRUE(write_tensors(nothing / "adapter_model.safetensors", {}, {}));
  const auto trained = load_trained(nothing, **model, folder);
  EXPECT_TRUE(trained) << trained.error().message;
  return trained_logits(*trained, **model, split);
}

class GgufMerge : public ::testing::TestWithParam<std::string> {};

TEST_P(GgufMerge, gives_the_logits_of_the_adapter_over_the_blocks) {
  const Example example(GetParam(), with_tokenizer("gpt-2"));
  ASSERT_TRUE(example.model->linears().front().weight.is_quantized());
  const auto out = fresh_folder("merged");
  std::ostringstream err;
  ASSERT_EQ(example.merge(out, err), 0) << err.str();
  const Json config = read_json(out / "config.json");
  EXPECT_EQ(config["architectures"], Json::array({"LlamaForSequenceClassification"}));
  EXPECT_EQ(config["pad_token_id"], 28);
  const auto difference =
      (logits_of(out, example.data->test) - example.logits).abs().max().item<double>();
  EXPECT_LT(difference, 1e-5);  // Written in float32.
}

INSTANTIATE_TEST_SUITE_P(Methods, GgufMerge,
                         ::testing::Values("lora", "dora", "qlora", "ia3", "layer_norm"));

#ifdef PLATEAU_WITH_ICU
TEST(GgufTokenizer, is_written_beside_the_model) {
  const Example example("lora", with_tokenizer("gpt-2"));
  const auto out = fresh_folder("merged");
  std::ostringstream err;
  ASSERT_EQ(example.merge(out, err), 0) << err.str();
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(read_json(out / "tokenizer.json")["model"]["vocab"]["ab"], 29);
  const Json settings = read_json(out / "tokenizer_config.json");
  EXPECT_EQ(settings["bos_token"], "<s>");
  EXPECT_EQ(settings["pad_token"], "<pad>");
}

TEST(GgufTokenizer, that_cannot_be_made_is_said_and_the_model_is_there) {
  const Example example("lora", with_tokenizer("deepseek-coder"));
  const auto out = fresh_folder("merged");
  std::ostringstream err;
  ASSERT_EQ(example.merge(out, err), 0) << err.str();
  EXPECT_NE(err.str().find("no tokenizer is written"), std::string::npos) << err.str();
  EXPECT_NE(err.str().find("deepseek-coder"), std::string::npos) << err.str();
  EXPECT_FALSE(fs::exists(out / "tokenizer.json"));
  EXPECT_TRUE(fs::exists(out / "model.safetensors"));
}
#endif

}  // namespace
}  // namespace plateau::trainer
