// Adapters out of folders alone, models out of adapters, and the commands around both.
#include "worker/trainer/exchange/trained.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "common/spec/methods.h"
#include "tests/worker/trainer/support/tiny.h"
#include "tests/worker/trainer/support/tiny_families.h"
#include "worker/trainer/adapters/peft_files.h"
#include "worker/trainer/adapters/registry.h"
#include "worker/trainer/eval/evaluate.h"
#include "worker/trainer/eval/token_losses.h"
#include "worker/trainer/exchange/adapter_spec.h"
#include "worker/trainer/exchange/adapters_folder.h"
#include "worker/trainer/exchange/commands.h"
#include "worker/trainer/exchange/model_folder.h"
#include "worker/trainer/exchange/predict_input.h"
#include "worker/trainer/exchange/pyreft_folder.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using Json = nlohmann::json;
using testing::families;
using testing::Family;
using testing::family_model;
using testing::fresh_folder;
using testing::tiny_data;
using testing::tiny_member;
using testing::tiny_parameters;
using testing::tiny_trial;
using testing::write_tiny_bert;

// A trained trial on tiny BERT in float64, so that files hold what memory holds.
struct Example {
  std::filesystem::path base = write_tiny_bert();
  std::shared_ptr<const Model> model;
  std::shared_ptr<const Dataset> data = tiny_data();
  std::unique_ptr<Member> member;
  std::filesystem::path adapter = fresh_folder("adapter");
  at::Tensor logits;  // of the test split

  explicit Example(const std::string& method, Pooling pooling = Pooling::kCls) {
    const Storage storage = method == "qlora" ? Storage::kNf4 : Storage::kAsInFile;
    model = *load_model(base, {pooling, at::TensorOptions().dtype(at::kDouble), storage});
    member = tiny_member(tiny_trial(method, 3, 5), model, data);
    Pack pack;
    pack.join(member.get());
    for (int i = 0; i < 3; ++i)
      pack.step();
    pack.leave(member.get());
    const at::NoGradGuard no_grad;
    logits = member->head().logits(split_features(*model, &member->adapter(), data->test));
    EXPECT_TRUE(save_adapter(adapter, member->adapter(), member->head(), "tiny"));
  }
};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

Json config_of(const std::filesystem::path& folder, const char* name) {
  return Json::parse(*read_file(folder / name));
}

class EveryMethod : public ::testing::TestWithParam<std::string> {};

TEST_P(EveryMethod, is_read_back_from_its_folder_alone) {
  const Example example(GetParam());
  const auto trained = load_trained(example.adapter, *example.model, example.base);
  ASSERT_TRUE(trained) << trained.error().message;
  // PEFT's file of QLoRA is LoRA's; the base says the rest.
  EXPECT_EQ(trained->spec.method, GetParam() == "qlora" ? "lora" : GetParam());
  const at::Tensor again = trained_logits(*trained, *example.model, example.data->test);
  EXPECT_LT(largest_difference(again, example.logits), 1e-12);
}

TEST_P(EveryMethod, whose_update_is_one_of_the_base_gives_a_model_with_the_same_logits) {
  const Example example(GetParam());
  const auto trained = load_trained(example.adapter, *example.model, example.base);
  ASSERT_TRUE(trained) << trained.error().message;
  const auto out = fresh_folder("merged");
  const auto saved =
      save_model_folder(out, *trained, *example.model, example.base, {"low", "middle", "high"});
  if (!example.member->adapter().merged()) {
    ASSERT_FALSE(saved);
    EXPECT_EQ(saved.error().kind, ErrorKind::kInvalidArgument);
    return;
  }
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(config_of(out, "config.json")["architectures"][0], "BertForSequenceClassification");
  EXPECT_EQ(config_of(out, "config.json")["id2label"]["1"], "middle");
  const auto model = load_model(out, {Pooling::kCls, at::TensorOptions().dtype(at::kDouble)});
  ASSERT_TRUE(model) << model.error().message;
  // An adapter that adds nothing and brings no head: the model's own is taken.
  const auto nothing = fresh_folder("nothing");
  const Json config = {{"peft_type", "SELECTIVE"}, {"method", "none"}};
  ASSERT_TRUE(write_file_atomically(nothing / "adapter_config.json", config.dump()));
  ASSERT_TRUE(write_tensors(nothing / "adapter_model.safetensors", {}, {}));
  const auto merged = load_trained(nothing, **model, out);
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_LT(
      largest_difference(trained_logits(*merged, **model, example.data->test), example.logits),
      1e-12);
}

TEST_P(EveryMethod, goes_to_the_library_adapters_if_it_is_a_bottleneck) {
  const Example example(GetParam());
  const auto trained = load_trained(example.adapter, *example.model, example.base);
  ASSERT_TRUE(trained) << trained.error().message;
  const auto out = fresh_folder("adapters");
  const Status saved = save_adapters_folder(out, *trained, *example.model);
  const bool is_bottleneck = GetParam() == "houlsby" || GetParam() == "pfeiffer";
  ASSERT_EQ(saved.ok(), is_bottleneck);
  if (!is_bottleneck) {
    EXPECT_NE(saved.error().message.find(trained->spec.method), std::string::npos)
        << saved.error().message;
    return;
  }
  ASSERT_TRUE(is_adapters_folder(out));
  EXPECT_EQ(config_of(out, "head_config.json")["model_class"], "BertForSequenceClassification");
  // The width by the library's own rule.
  const Json config = config_of(out, "adapter_config.json")["config"];
  EXPECT_EQ(std::floor(16.0 / config["reduction_factor"].get<double>()), 3.0);
  const auto back = load_trained(out, *example.model, example.base);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->spec.method, GetParam());
  EXPECT_LT(
      largest_difference(trained_logits(*back, *example.model, example.data->test), example.logits),
      1e-12);
}

INSTANTIATE_TEST_SUITE_P(Trained, EveryMethod, ::testing::ValuesIn(adapter_methods()),
                         [](const auto& row) { return row.param; });

TEST(model_folder, mean_pooling_gives_a_bare_encoder_that_keeps_the_pooler) {
  const Example example("lora", Pooling::kMean);
  const auto trained = load_trained(example.adapter, *example.model, example.base);
  ASSERT_TRUE(trained) << trained.error().message;
  const auto out = fresh_folder("merged");
  ASSERT_TRUE(save_model_folder(out, *trained, *example.model, example.base, {}));
  const Json config = config_of(out, "config.json");
  EXPECT_EQ(config["architectures"][0], "BertModel");
  EXPECT_EQ(config["plateau"]["pooling"], "mean");
  const TensorMap tensors = *read_tensors(out / "model.safetensors");
  EXPECT_TRUE(tensors.contains("bert.pooler.dense.weight"));
  EXPECT_TRUE(tensors.contains("classifier.weight"));
}

// The spelling of PEFT's own files: suffixes, integers, keys that only it knows.
Json peft_config() {
  return {{"peft_type", "LORA"},
          {"r", 3},
          {"lora_alpha", 6},
          {"lora_dropout", 0.1},
          {"target_modules", {"key"}},
          {"use_rslora", false},
          {"use_dora", false},
          {"eva_config", nullptr},
          {"bias", "none"}};
}

TEST(adapter_spec, takes_the_modules_from_the_tensors) {
  const TensorMap tensors = {{"a.query.lora_A.weight", at::zeros({3, 4})},
                             {"a.query.lora_B.weight", at::zeros({4, 3})}};
  const auto spec = adapter_spec(peft_config(), tensors);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->method, "lora");
  EXPECT_EQ(spec->parameters["target_modules"], Json::array({"a.query"}));
  EXPECT_EQ(spec->parameters["alpha"], 6.0);
}

TEST(adapter_spec, refuses_what_would_change_the_numbers) {
  for (const auto& [name, value] : {std::pair<const char*, Json>{"lora_bias", true},
                                    {"bias", "all"},
                                    {"layer_replication", {{0, 4}}},
                                    {"peft_type", "VERA"}}) {
    Json config = peft_config();
    config[name] = value;
    const auto spec = adapter_spec(config, {});
    ASSERT_FALSE(spec) << name;
    EXPECT_EQ(spec.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_NE(spec.error().message.find(name), std::string::npos) << spec.error().message;
  }
}

TEST(load_trained, refuses_a_tensor_that_nobody_takes) {
  const Example example("lora");
  auto tensors = *read_tensors(example.adapter / "adapter_model.safetensors");
  tensors["base_model.model.bert.pooler.dense.lora_magnitude_vector"] = at::zeros({16});
  ASSERT_TRUE(write_tensors(example.adapter / "adapter_model.safetensors", tensors, {}));
  const auto trained = load_trained(example.adapter, *example.model, example.base);
  ASSERT_FALSE(trained);
  EXPECT_NE(trained.error().message.find("lora_magnitude_vector"), std::string::npos);
}

TEST(pyreft_folder, is_read_back) {
  for (const char* positions : {"f2+l1", "l3"}) {
    Example example("loreft");
    Trial trial = tiny_trial("loreft", 3, 5);
    trial.adapter.parameters["positions"] = positions;
    example.member = tiny_member(trial, example.model, example.data);
    const at::NoGradGuard no_grad;
    const at::Tensor logits = example.member->head().logits(
        split_features(*example.model, &example.member->adapter(), example.data->test));
    ASSERT_TRUE(
        save_adapter(example.adapter, example.member->adapter(), example.member->head(), ""));
    const auto trained = load_trained(example.adapter, *example.model, example.base);
    ASSERT_TRUE(trained) << trained.error().message;
    const auto out = fresh_folder("pyreft");
    ASSERT_TRUE(save_pyreft_folder(out, *trained, *example.model));
    EXPECT_TRUE(std::filesystem::exists(
        out / "intkey_comp_bert_encoder_layer[1]_output_unit_pos_nunit_1#0.bin"));
    const auto back = load_trained(out, *example.model, example.base);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_LT(largest_difference(trained_logits(*back, *example.model, example.data->test), logits),
              1e-5);  // Written in float32.
  }
}

TEST(pyreft_folder, without_positions_asks_for_them) {
  const Example example("loreft");
  const auto trained = load_trained(example.adapter, *example.model, example.base);
  ASSERT_TRUE(trained) << trained.error().message;
  const auto out = fresh_folder("pyreft");
  ASSERT_TRUE(save_pyreft_folder(out, *trained, *example.model));
  Json config = config_of(out, "config.json");
  config.erase("plateau");
  ASSERT_TRUE(write_file_atomically(out / "config.json", config.dump()));
  const auto without = load_trained(out, *example.model, example.base);
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message.find("--positions"), std::string::npos);
  EXPECT_TRUE(load_trained(out, *example.model, example.base, "f2+l1"));
  config["intervention_types"][0] = "<class 'pyreft.interventions.NoreftIntervention'>";
  ASSERT_TRUE(write_file_atomically(out / "config.json", config.dump()));
  EXPECT_FALSE(load_trained(out, *example.model, example.base, "f2+l1"));
}

TEST(pyreft_folder, holds_loreft_alone) {
  const Example example("lora");
  const auto trained = load_trained(example.adapter, *example.model, example.base);
  ASSERT_TRUE(trained) << trained.error().message;
  EXPECT_FALSE(save_pyreft_folder(fresh_folder("pyreft"), *trained, *example.model));
}

TEST(adapters_folder, refuses_what_would_change_the_numbers) {
  const Example example("houlsby");
  const auto trained = load_trained(example.adapter, *example.model, example.base);
  ASSERT_TRUE(trained) << trained.error().message;
  const auto out = fresh_folder("adapters");
  ASSERT_TRUE(save_adapters_folder(out, *trained, *example.model));
  const Json whole = config_of(out, "adapter_config.json");
  for (const auto& [name, value] : {std::pair<const char*, Json>{"ln_before", true},
                                    {"is_parallel", true},
                                    {"leave_out", {0}},
                                    {"scaling", "learned"},
                                    {"non_linearity", "leakyrelu"},
                                    {"original_ln_before", true},
                                    {"architecture", "reft"},
                                    {"dropout", "much"}}) {
    Json changed = whole;
    changed["config"][name] = value;
    ASSERT_TRUE(write_file_atomically(out / "adapter_config.json", changed.dump()));
    const auto read = load_trained(out, *example.model, example.base);
    ASSERT_FALSE(read) << name;
    EXPECT_GT(read.error().message.size(), out.string().size() + 20) << read.error().message;
  }
}

TEST(pickles, are_refused_with_advice) {
  const Example example("houlsby");
  const auto trained = load_trained(example.adapter, *example.model, example.base);
  ASSERT_TRUE(trained) << trained.error().message;
  const auto out = fresh_folder("adapters");
  ASSERT_TRUE(save_adapters_folder(out, *trained, *example.model));
  std::filesystem::rename(out / "adapter.safetensors", out / "pytorch_adapter.bin");
  std::filesystem::rename(example.adapter / "adapter_model.safetensors",
                          example.adapter / "adapter_model.bin");
  for (const auto& [folder, advice] :
       {std::pair{out, "use_safetensors=True"}, std::pair{example.adapter, "save_pretrained"}}) {
    const auto read = load_trained(folder, *example.model, example.base);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_NE(read.error().message.find("is a pickle"), std::string::npos) << read.error().message;
    EXPECT_NE(read.error().message.find(advice), std::string::npos) << read.error().message;
  }
}

class Commands : public ::testing::Test {
 protected:
  int predict(const std::string& input) {
    std::istringstream in(input);
    return predict_command(
        {example_.adapter.string(), "--base", example_.base.string(), "--precision", "float64"}, in,
        out_, err_);
  }

  Example example_{"lora"};
  std::ostringstream out_, err_;
};

TEST_F(Commands, predict_prints_the_logits_of_token_ids) {
  const Split& test = example_.data->test;
  std::string input;
  for (std::int64_t i = 0; i < test.size(); ++i) {
    const auto ids = test.tokens(i), types = test.types(i);
    input += Json{{"input_ids", std::vector<int>(ids.begin(), ids.end())},
                  {"token_type_ids", std::vector<int>(types.begin(), types.end())}}
                 .dump() +
             "\n";
  }
  ASSERT_EQ(predict(input), 0) << err_.str();
  std::istringstream lines(out_.str());
  std::string line;
  for (std::int64_t i = 0; i < test.size(); ++i) {
    ASSERT_TRUE(std::getline(lines, line));
    const at::Tensor got = at::tensor(Json::parse(line).get<std::vector<double>>(), at::kDouble);
    EXPECT_LT(largest_difference(got, example_.logits[i]), 1e-12);
  }
}

TEST_F(Commands, predict_names_the_line_that_it_cannot_read) {
  for (const char* bad : {"[1, 40]", "[]", "{\"input_ids\": [1], \"token_type_ids\": []}", "1"}) {
    err_.str("");
    EXPECT_EQ(predict("[1, 2]\n" + std::string(bad) + "\n"), 2) << bad;
    EXPECT_NE(err_.str().find("line 2"), std::string::npos) << err_.str();
  }
}

TEST_F(Commands, export_writes_a_peft_folder_that_is_read_back) {
  const auto out = fresh_folder("peft");
  ASSERT_EQ(export_command({example_.adapter.string(), "--base", example_.base.string(), "--format",
                            "peft", "--out", out.string()},
                           err_),
            0)
      << err_.str();
  const auto trained = load_trained(out, *example_.model, example_.base);
  ASSERT_TRUE(trained) << trained.error().message;
  EXPECT_LT(largest_difference(trained_logits(*trained, *example_.model, example_.data->test),
                               example_.logits),
            1e-6);  // Written in float32.
}

TEST_F(Commands, export_says_what_it_wants) {
  const std::string base = example_.base.string(), adapter = example_.adapter.string();
  EXPECT_EQ(export_command({adapter, "--base", base, "--out", "x", "--format", "onnx"}, err_), 2);
  EXPECT_NE(err_.str().find("peft, merged, pyreft, adapters"), std::string::npos) << err_.str();
  EXPECT_EQ(export_command({adapter, "--out", "x", "--format", "peft"}, err_), 2);
  EXPECT_EQ(export_command({adapter, "--base", base, "--format", "peft"}, err_), 2);
  EXPECT_EQ(export_command({"/nowhere", "--base", base, "--format", "peft", "--out", "x"}, err_),
            3);
}

// A language model and LoReFT on it, whose positions count in the prompt: predict has to be told
// where it ends.
class PredictInput : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = make_adapter("loreft", {*model, tiny_parameters("loreft", 3), 5});
    ASSERT_TRUE(made) << made.error().message;
    adapter = std::move(*made);
  }
  Result<Split> read(const std::string& text, const std::filesystem::path& base = "") {
    std::istringstream in(text);
    return read_predict_input(in, base, *model, *adapter);
  }

  std::shared_ptr<const Model> model = family_model(*std::find_if(
      families().begin(), families().end(), [](const Family& f) { return f.name == "llama_lm"; }));
  std::unique_ptr<Adapter> adapter;
};

TEST_F(PredictInput, a_prompt_and_its_completion_are_texts_too) {
  Json vocabulary;
  for (int i = 0; i < 26; ++i)
    vocabulary[std::string(1, static_cast<char>('a' + i))] = i;
  const auto base = fresh_folder("tokenizer");
  const Json tokenizer = {
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", Json::array()}}}};
  ASSERT_TRUE(write_file_atomically(base / "tokenizer.json", tokenizer.dump()));
  const auto told = read(R"({"prompt": "fjd", "completion": "ec"})", base);
  if (!told && told.error().message.find("ICU") != std::string::npos)
    GTEST_SKIP() << told.error().message;
  ASSERT_TRUE(told) << told.error().message;
  const auto ids = told->tokens(0);
  EXPECT_EQ(std::vector<std::int32_t>(ids.begin(), ids.end()),
            (std::vector<std::int32_t>{5, 9, 3, 4, 2}));
  EXPECT_EQ(told->prompt_of(0), 3);
  const TokenLosses losses = token_losses(*model, adapter.get(), *told);
  EXPECT_EQ(losses.counts[0], 2);
  const auto by_ids = read(R"({"input_ids": [5, 9, 3, 4, 2], "labels": [-100, -100, -100, 4, 2]})");
  EXPECT_EQ(losses.sums[0], token_losses(*model, adapter.get(), *by_ids).sums[0]);
  const auto whole = read("\"fjdec\"", base);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->prompt_of(0), 0);
  for (const char* bad : {R"(["fjd", "ec"])", R"({"prompt": "fjd"})", "\"\""})
    EXPECT_FALSE(read(bad, base)) << bad;
}

TEST_F(PredictInput, labels_say_where_a_prompt_ends) {
  const auto told = read(R"({"input_ids": [5, 9, 3, 30, 2], "labels": [-100, -100, -100, 30, 2]})");
  const auto whole = read("[5, 9, 3, 30, 2]");
  ASSERT_TRUE(told && whole);
  EXPECT_EQ(told->prompt_of(0), 3);
  EXPECT_EQ(whole->prompt_of(0), 0);
  EXPECT_EQ(token_losses(*model, adapter.get(), *told).counts[0], 2);
  for (const char* bad : {"[30, 2]", "[-100, -100, -100, 2, 2]", "7"}) {
    const auto refused =
        read(R"({"input_ids": [5, 9, 3, 30, 2], "labels": )" + std::string(bad) + "}");
    ASSERT_FALSE(refused) << bad;
    EXPECT_NE(refused.error().message.find("labels"), std::string::npos);
  }
}

TEST(export_command, refuses_a_method_that_peft_does_not_have) {
  const Example example("loreft");
  std::ostringstream err;
  EXPECT_EQ(export_command({example.adapter.string(), "--base", example.base.string(), "--format",
                            "peft", "--out", fresh_folder("peft").string()},
                           err),
            2);
  EXPECT_NE(err.str().find("loreft"), std::string::npos) << err.str();
}

}  // namespace
}  // namespace plateau::trainer
