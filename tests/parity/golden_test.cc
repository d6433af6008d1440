// Agreement with PEFT and pyreft to rounding, on their own recorded runs.
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <sstream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.h"
#include "worker/trainer/check/check_command.h"
#include "worker/trainer/check/compare.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;

// ${PLATEAU_SHARED}/golden, or ../shared/golden beside the source tree; empty: not here.
fs::path golden_folder() {
  const char* shared = std::getenv("PLATEAU_SHARED");
  const char* source = std::getenv("PLATEAU_SOURCE_DIR");
  const fs::path folder = shared != nullptr
                              ? fs::path(shared)
                              : fs::path(source != nullptr ? source : ".") / "../shared";
  return fs::exists(folder / "golden" / "cases") ? folder / "golden" : fs::path();
}

// Every case runs but those of the slow real models, of which a few stand for all.
bool is_quick(const std::string& name) {
  if (name.starts_with("tiny-")) return true;
  for (const char* known :
       {"minilm/lora_qv", "minilm/rslora_all_synth", "minilm/dora_all_synth",
        "minilm/loreft_f1l1_shared", "minilm/houlsby", "minilm/prefix", "minilm/full"}) {
    if (name == known) return true;
  }
  return false;
}

std::vector<std::string> quick_cases() {
  std::vector<std::string> names;
  const fs::path folder = golden_folder();
  if (folder.empty()) return {"none"};
  for (const auto& entry : fs::recursive_directory_iterator(folder / "cases")) {
    if (entry.path().filename() != "result.json") continue;
    const fs::path relative = entry.path().parent_path().lexically_relative(folder / "cases");
    if (!is_quick(relative.string())) continue;
    const auto golden = read_golden_case(entry.path().parent_path());
    if (golden && golden->status == "ok") names.push_back(relative.string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, agrees_with_the_reference) {
  if (golden_folder().empty()) GTEST_SKIP() << "the reference cases (shared/golden) are not here";
  const auto golden = read_golden_case(golden_folder() / "cases" / GetParam());
  ASSERT_TRUE(golden) << golden.error().message;
  std::map<std::string, fs::path> bases;
  if (const char* minilm = std::getenv("PLATEAU_MINILM")) bases["minilm"] = minilm;
  const auto base = find_golden_base(*golden, bases);
  if (!base) GTEST_SKIP() << base.error().message;
  const auto batch = read_golden_batch(*golden);
  ASSERT_TRUE(batch) << batch.error().message;
  auto run = run_golden_case(*golden, *base, *batch, {});
  ASSERT_TRUE(run) << run.error().message;
  // Without allowing for rounding: these are small enough.
  const auto record = recorded(*golden, *batch, *run);
  ASSERT_TRUE(record) << record.error().message;
  const auto rows = compare_golden_case(*golden, *base, *record, *run);
  EXPECT_GE(rows.size(), 5U);
  for (const CheckRow& row : rows)
    EXPECT_LE(row.difference, row.tolerance) << row.what << ": " << row.note;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '/'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, ::testing::ValuesIn(quick_cases()), test_name);

// A copy of a case with something changed: what the check must notice.
class Changed : public ::testing::Test {
 protected:
  void SetUp() override {
    if (golden_folder().empty()) GTEST_SKIP() << "the reference cases (shared/golden) are not here";
    root_ = fs::temp_directory_path() / ("plateau-check-" + std::to_string(::getpid()));
    fs::remove_all(root_);
    case_ = root_ / "cases" / "tiny-bert" / "lora_qv";
    fs::create_directories(case_.parent_path());
    fs::create_directories(root_ / "batches");
    fs::create_directories(root_ / "models");
    fs::copy(golden_folder() / "cases/tiny-bert/lora_qv", case_, fs::copy_options::recursive);
    fs::copy(golden_folder() / "batches/tiny-bert.safetensors", root_ / "batches");
    fs::copy(golden_folder() / "models/tiny-bert", root_ / "models/tiny-bert");
    result_ = nlohmann::json::parse(*read_file(case_ / "result.json"));
  }
  void TearDown() override { fs::remove_all(root_); }

  int check() {
    EXPECT_TRUE(write_file_atomically(case_ / "result.json", result_.dump()));
    std::ostringstream out, err;
    const int code = check_command({root_.string()}, out, err);
    text_ = out.str() + err.str();
    return code;
  }

  fs::path root_, case_;
  nlohmann::json result_;
  std::string text_;
};

TEST_F(Changed, nothing_agrees) {
  EXPECT_EQ(check(), 0) << text_;
  EXPECT_NE(text_.find("tiny-bert/lora_qv: agrees"), std::string::npos) << text_;
}

TEST_F(Changed, a_loss_differs) {
  result_["losses"][4] = result_["losses"][4].get<double>() * 1.0001;
  EXPECT_EQ(check(), 1) << text_;
  EXPECT_NE(text_.find("at step 4"), std::string::npos) << text_;
}

TEST_F(Changed, a_rate_differs) {
  result_["lr"] = result_["lr"].get<double>() * 1.001;
  EXPECT_EQ(check(), 1) << text_;
}

TEST_F(Changed, final_weights_differ) {
  auto tensors = read_tensors(case_ / "final/adapter_model.safetensors");
  ASSERT_TRUE(tensors) << tensors.error().message;
  for (auto& [name, tensor] : *tensors)
    tensor = tensor + 1e-5;
  ASSERT_TRUE(write_tensors(case_ / "final/adapter_model.safetensors", *tensors, {}));
  EXPECT_EQ(check(), 1) << text_;
  EXPECT_NE(text_.find("DIFFERS (float32 is "), std::string::npos) << text_;
}

// Of a large model a case stores sums, and of a full fine-tune those of some tensors alone.
TEST_F(Changed, check_sums_of_some_tensors_are_compared) {
  const auto tensors = read_tensors(case_ / "final/adapter_model.safetensors");
  ASSERT_TRUE(tensors) << tensors.error().message;
  fs::remove_all(case_ / "final");
  for (const auto& [name, tensor] : *tensors) {
    const at::Tensor value = tensor.to(at::kDouble);
    if (name.find("lora_B") == std::string::npos) continue;
    result_["final_checksums"][name] = {value.sum().item<double>(), value.norm().item<double>()};
  }
  EXPECT_EQ(check(), 0) << text_;
  EXPECT_NE(text_.find("of 4 of 10 tensors only check sums are stored"), std::string::npos)
      << text_;
  auto& some = *result_["final_checksums"].begin();
  some[1] = some[1].get<double>() * 1.01;
  EXPECT_EQ(check(), 1) << text_;
  result_["final_checksums"] = {{"nobody.lora_B.weight", {0.0, 1.0}}};
  EXPECT_EQ(check(), 1) << text_;
  EXPECT_NE(text_.find("nobody.lora_B.weight has a check sum"), std::string::npos) << text_;
}

TEST_F(Changed, a_count_differs) {
  result_["trainable_params"] = 2115;
  EXPECT_EQ(check(), 1) << text_;
  EXPECT_NE(text_.find("2114 of 2115"), std::string::npos) << text_;
}

TEST_F(Changed, what_the_reference_could_not_do_is_passed_over) {
  result_ = {{"model", "tiny-bert"}, {"method", "x"}, {"status", "skipped"}, {"why", "no biases"}};
  EXPECT_EQ(check(), 0) << text_;
  EXPECT_NE(text_.find("passed over"), std::string::npos) << text_;
}

TEST_F(Changed, an_unreadable_case_is_an_error) {
  result_.erase("losses");
  EXPECT_EQ(check(), 4) << text_;
  EXPECT_NE(text_.find("\"losses\""), std::string::npos) << text_;
  result_ = nlohmann::json::array();
  EXPECT_EQ(check(), 4) << text_;
}

TEST_F(Changed, an_unknown_family_is_named) {
  result_["info"]["family"] = "hypernetwork";
  fs::remove(case_ / "init/adapter_config.json");
  EXPECT_EQ(check(), 2) << text_;
  EXPECT_NE(text_.find("'hypernetwork'"), std::string::npos) << text_;
}

TEST(Check, a_difference_of_the_order_of_float32s_rounding_holds) {
  const auto holds = [](double difference, double rounding) {
    return CheckRow{"logits after", difference, 1e-4, "", rounding}.holds();
  };
  EXPECT_TRUE(holds(9e-5, 0.0));
  EXPECT_FALSE(holds(2e-4, 0.0)) << "not measured";
  EXPECT_FALSE(holds(2e-4, 1e-5)) << "float32 is more exact than that here";
  EXPECT_TRUE(holds(2e-4, 3e-5));
  EXPECT_FALSE(holds(std::numeric_limits<double>::infinity(), 1.0)) << "could not be compared";
}

TEST(Check, names_a_folder_without_cases) {
  std::ostringstream out, err;
  EXPECT_EQ(check_command({"/nonexistent-case"}, out, err), 3);
  EXPECT_NE(err.str().find("/nonexistent-case"), std::string::npos) << err.str();
}

TEST(SynthUniform, gives_the_recorded_numbers) {
  const at::Tensor values = synth_uniform("head.weight", {2, 4}, 0.05);
  EXPECT_FLOAT_EQ(values[0][0].item<float>(), 0.022783471271395683F);
  EXPECT_FLOAT_EQ(values[1][3].item<float>(), -0.03166920691728592F);
}

}  // namespace
}  // namespace plateau::trainer
