// What is special to one method.
#include <cstdlib>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "common/base/file.h"
#include "tests/worker/trainer/support/tiny.h"
#include "worker/trainer/adapters/dora.h"
#include "worker/trainer/adapters/dropout.h"
#include "worker/trainer/adapters/init.h"
#include "worker/trainer/adapters/lora.h"
#include "worker/trainer/adapters/loreft.h"
#include "worker/trainer/adapters/registry.h"
#include "worker/trainer/adapters/targets.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

using testing::tiny_bert;
using testing::tiny_data;
using testing::tiny_member;
using testing::tiny_trial;

TEST(Lora, has_the_parameters_of_the_articles_example) {
  // A 512 x 64 matrix has 32,768 parameters; its update at rank 8 has 4,608.
  EXPECT_EQ(512 * 64, 32768);
  EXPECT_EQ(lora_parameters(512, 64, 8), 4608);
}

TEST(Lora, starts_as_the_base_and_scales_by_alpha_over_rank) {
  const auto model = tiny_bert();
  auto member = tiny_member(tiny_trial("lora", 4, 1), model, tiny_data());
  for (const TrainedTensor& tensor : member->adapter().trained()) {
    const double largest = tensor.value.abs().max().item<double>();
    if (tensor.name.ends_with("lora_B.weight")) {
      EXPECT_EQ(largest, 0.0);
    } else {
      const double bound = 1.0 / std::sqrt(static_cast<double>(tensor.value.size(1)));
      EXPECT_LE(largest, bound);
      EXPECT_GT(largest, 0.8 * bound);
    }
  }
  const LoraModule target{0, 16, 32.0};
  EXPECT_EQ(target.scale(false), 2.0);
  EXPECT_EQ(target.scale(true), 8.0);
}

TEST(Lora, patterns_and_layers_choose_each_modules_rank_and_alpha) {
  const std::vector<std::string> names = {"bert.layer.0.query", "bert.layer.0.value",
                                          "bert.layer.1.query", "bert.layer.1.value",
                                          "bert.layer.10.query"};
  nlohmann::json given = {{"target_modules", {"query", "value"}},
                          {"rank", 8},
                          {"alpha", 16.0},
                          {"layers", {1, 10}},
                          {"rank_pattern", {{"value", 2}, {R"(layer\.1\..*)", 4}}},
                          {"alpha_pattern", {{"uery", 1.0}, {"layer.10.query", 3.0}}}};
  const auto targets = match_lora(names, given, "bert");
  ASSERT_TRUE(targets) << targets.error().message;
  ASSERT_EQ(targets->size(), 3U);
  // In the alphabet "layer" stands before "value"; "uery" is no whole end of a
  // name.
  const LoraModule expected[] = {{2, 4, 16.0}, {3, 4, 16.0}, {4, 8, 3.0}};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*targets)[i].module, expected[i].module);
    EXPECT_EQ((*targets)[i].rank, expected[i].rank) << i;
    EXPECT_EQ((*targets)[i].alpha, expected[i].alpha) << i;
  }
  given["layers"] = {7};
  EXPECT_FALSE(match_lora(names, given, "bert"));
  given["layers"] = "all";
  given["rank_pattern"] = {{"(", 2}};
  EXPECT_FALSE(match_lora(names, given, "bert"));
}

TEST(Lora, patterns_reach_the_factors_and_the_file) {
  const auto model = tiny_bert();
  for (const char* method : {"lora", "dora"}) {
    auto given = tiny_trial(method, 3, 1).adapter.parameters;
    given["rank_pattern"] = {{"query", 5}};
    const auto adapter = make_adapter(method, {*model, given, 1});
    ASSERT_TRUE(adapter) << adapter.error().message;
    for (const TrainedTensor& tensor : (*adapter)->trained()) {
      if (!tensor.name.ends_with(".lora_A.weight")) continue;
      const bool is_query = tensor.name.find("query") != std::string::npos;
      EXPECT_EQ(tensor.value.size(0), is_query ? 5 : 3) << tensor.name;
    }
    EXPECT_EQ((*adapter)->config()["rank_pattern"], given["rank_pattern"]);
  }
}

// LoRA+ with a ratio of 4: B's step is four times as long, A's is what it was.
TEST(Lora, b_can_have_its_own_learning_rate) {
  const auto model = tiny_bert();
  const auto change = [&](double ratio) {
    Trial trial = tiny_trial("lora", 3, 1);
    trial.optimizer.weight_decay = 0.0;
    trial.adapter.parameters["b_rate_ratio"] = ratio;
    auto member = tiny_member(trial, model, tiny_data());
    TensorMap changes = member->snapshot();
    Pack pack;
    pack.join(member.get());
    pack.step();
    for (auto& [name, tensor] : member->snapshot())
      changes[name] = tensor - changes[name];
    return changes;
  };
  const TensorMap plain = change(1.0), faster = change(4.0);
  for (const auto& [name, tensor] : plain) {
    const double factor = name.ends_with("lora_B.weight") ? 4.0 : 1.0;
    EXPECT_TRUE((tensor * factor).allclose(faster.at(name), 1e-9, 1e-14)) << name;
  }
}

TEST(Loreft, pad_first_moves_positions_but_not_below_a_pooler) {
  const auto model = tiny_bert(), pooled = tiny_bert(at::kDouble, Pooling::kCls);
  auto given = tiny_trial("loreft", 3, 1).adapter.parameters;
  given["pad_first"] = true;
  const auto adapter = make_adapter("loreft", {*model, given, 1});
  ASSERT_TRUE(adapter) << adapter.error().message;
  EXPECT_EQ((*adapter)->leading_pads(), 1);
  const auto refused = make_adapter("loreft", {*pooled, given, 1});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("pad_first"), std::string::npos);
}

// The last position is the last one of the prompt, not of the completion behind it.
TEST(Loreft, positions_count_in_the_prompt) {
  const auto model = tiny_bert();
  const auto adapter =
      make_adapter("loreft", {*model, tiny_trial("loreft", 3, 1).adapter.parameters, 1});
  ASSERT_TRUE(adapter) << adapter.error().message;
  (*adapter)->begin_pass();
  const std::vector<std::int64_t> lengths = {6, 9}, prompts = {6, 4};
  const BlockInput input{0, lengths, {}, {}, prompts};
  const auto rows = (*adapter)->edited_rows(input);
  EXPECT_EQ(rows, (std::vector<std::int64_t>{0, 1, 6, 7, 5, 9}));  // f2, then l1
  const at::NoGradGuard no_grad;
  const at::Tensor old = normal_tensor({6, 16}, 1.0, 3, at::kDouble);
  EXPECT_EQ((*adapter)->edit_block(input, old).size(0), 6);
}

// With W = R and no bias LoReFT and NoReFT change nothing, DiReFT adds R^T R h.
TEST(Loreft, relatives_differ_by_the_difference) {
  const auto model = tiny_bert();
  for (const char* method : {"noreft", "direft"}) {
    const auto given = tiny_trial(method, 3, 1).adapter.parameters;
    const auto adapter = make_adapter(method, {*model, given, 1});
    ASSERT_TRUE(adapter) << adapter.error().message;
    auto& loreft = dynamic_cast<Loreft&>(**adapter);
    const at::NoGradGuard no_grad;
    for (LoreftSite& site : loreft.sites()) {
      site.weight.copy_(site.rotation);
      site.bias.zero_();
    }
    loreft.begin_pass();
    const std::vector<std::int64_t> lengths = {6};
    const BlockInput input{0, lengths, {}};
    const auto count = static_cast<std::int64_t>(loreft.edited_rows(input).size());
    const at::Tensor rows = normal_tensor({count, 16}, 1.0, 3, at::kDouble);
    const at::Tensor added = loreft.edit_block(input, rows) - rows;
    at::Tensor expected = at::zeros_like(rows);
    if (std::string(method) == "direft") {
      const at::Tensor &first = loreft.sites()[0].rotation, &last = loreft.sites()[1].rotation;
      expected = at::cat({at::mm(at::mm(rows.narrow(0, 0, 2), first.t()), first),
                          at::mm(at::mm(rows.narrow(0, 2, 1), last.t()), last)});
      EXPECT_GT(expected.abs().max().item<double>(), 1e-2);
    }
    EXPECT_LE((added - expected).abs().max().item<double>(), 1e-12) << method;
  }
}

TEST(Lora, refuses_a_rank_that_a_matrix_does_not_allow) {
  const auto model = tiny_bert();
  const Trial trial = tiny_trial("lora", 17, 1);
  const auto made = make_adapter("lora", {*model, trial.adapter.parameters, 1});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::kInvalidArgument);
  EXPECT_NE(made.error().message.find("16 x 16; use at most 16"), std::string::npos)
      << made.error().message;
}

TEST(Targets, match_as_peft_does) {
  const auto model = tiny_bert(at::kDouble, Pooling::kCls);
  const auto count = [&](const nlohmann::json& targets) {
    const auto matched = match_targets(*model, targets);
    return matched ? static_cast<int>(matched->size()) : -1;
  };
  EXPECT_EQ(count("all-linear"), 13);
  EXPECT_EQ(count("All-Linear"), 13);
  EXPECT_EQ(count({"query", "value"}), 4);
  EXPECT_EQ(count({"output.dense"}), 4);
  EXPECT_EQ(count({"attention.output.dense"}), 2);
  EXPECT_EQ(count({"dense"}), 7);
  EXPECT_EQ(count({"bert.pooler.dense"}), 1);
  EXPECT_EQ(count(R"(.*layer\.1\..*\.(query|key))"), 2);
  EXPECT_EQ(count("default"), 4);
  EXPECT_EQ(count({"uery"}), -1);
  const auto missing = match_targets(*model, {"querry"});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("Did you mean 'query'?"), std::string::npos);
}

TEST(Dora, factored_row_norms_equal_the_dense_ones) {
  const at::Tensor w = normal_tensor({24, 16}, 1.0, 1, at::kDouble);
  const at::Tensor a = normal_tensor({3, 16}, 0.5, 2, at::kDouble);
  const at::Tensor b = normal_tensor({24, 3}, 0.5, 3, at::kDouble);
  const at::Tensor dense = (w + at::mm(b, a) * 1.7).norm(2, 1);
  const at::Tensor squared = w.square().sum(1);
  const at::Tensor factored = factored_row_norms(w, squared, a, b, 1.7);
  EXPECT_LE((dense - factored).abs().max().item<double>(), 1e-13);
  const auto single = [](const at::Tensor& tensor) { return tensor.to(at::kFloat); };
  const at::Tensor quick =
      factored_row_norms(single(w), single(squared), single(a), single(b), 1.7);
  EXPECT_LE(((quick - dense) / dense).abs().max().item<double>(), 1e-6);
}

// Five steps on, so that no factor is zero.
std::unique_ptr<Member> trained_dora(const std::shared_ptr<const Model>& model) {
  auto member = tiny_member(tiny_trial("dora", 3, 4), model, tiny_data());
  Pack pack;
  pack.join(member.get());
  for (int i = 0; i < 5; ++i)
    pack.step();
  pack.leave(member.get());
  return member;
}

// After training, with the norms of the current factors: m / |W + s B A| * (W +
// s B A) x + b.
TEST(Dora, computes_its_formula_with_current_norms) {
  const auto model = tiny_bert();
  const auto member = trained_dora(model);
  const TensorMap values = member->snapshot();
  const LinearSite& site = model->linears()[5];
  const at::NoGradGuard no_grad;
  const at::Tensor dense = site.weight.dense() + at::mm(values.at(site.name + ".lora_B.weight"),
                                                        values.at(site.name + ".lora_A.weight")) *
                                                     2.0;
  const at::Tensor magnitude = values.at(site.name + ".lora_magnitude_vector");
  const at::Tensor x = normal_tensor({4, site.in()}, 1.0, 8, at::kDouble);
  const at::Tensor expected =
      at::linear(x, dense * (magnitude / dense.norm(2, 1)).unsqueeze(1), site.bias);
  at::Tensor y = at::linear(x, site.weight.dense(), site.bias);
  const std::vector<std::int64_t> lengths = {4};
  member->adapter().linear(5)->forward({site, x, lengths, DropoutKey{}, site.bias, {}}, y);
  EXPECT_LE((y - expected).abs().max().item<double>(), 1e-12);
}

// In training with dropout PEFT drops the input of the correction alone, the frozen product inside
// of it included: W x + b + (g - 1) W x' + g s B A x', and the bias is never scaled.
TEST(Dora, drops_the_input_of_the_correction_alone) {
  const auto model = tiny_bert();
  const auto member = trained_dora(model);
  const TensorMap values = member->snapshot();
  const LinearSite& site = model->linears()[5];
  const at::NoGradGuard no_grad;
  const at::Tensor update =
      at::mm(values.at(site.name + ".lora_B.weight"), values.at(site.name + ".lora_A.weight")) *
      2.0;
  const at::Tensor g =
      values.at(site.name + ".lora_magnitude_vector") / (site.weight.dense() + update).norm(2, 1);
  const at::Tensor x = normal_tensor({4, site.in()}, 1.0, 8, at::kDouble);
  const std::vector<std::int64_t> lengths = {4};
  const DropoutKey key{1, 2, 3, true};
  const at::Tensor dropped = x * dropout_mask(0.1, key, site.name, lengths, site.in(), at::kDouble);
  EXPECT_GT((dropped - x).abs().max().item<double>(), 0.1);
  ASSERT_TRUE(site.bias.defined());
  const at::Tensor expected = at::linear(x, site.weight.dense(), site.bias) +
                              at::linear(dropped, site.weight.dense()) * (g - 1.0) +
                              at::linear(dropped, update) * g;
  at::Tensor y = at::linear(x, site.weight.dense(), site.bias);
  member->adapter().linear(5)->forward({site, x, lengths, key, site.bias, {}}, y);
  EXPECT_LE((y - expected).abs().max().item<double>(), 1e-12);
}

// pyreft drops the whole edited state, what was there before included.
TEST(Loreft, drops_the_whole_edited_state) {
  const auto model = tiny_bert();
  const auto given = tiny_trial("loreft", 3, 1).adapter.parameters;
  const auto adapter = make_adapter("loreft", {*model, given, 1});
  ASSERT_TRUE(adapter) << adapter.error().message;
  const at::NoGradGuard no_grad;
  (*adapter)->begin_pass();
  const std::vector<std::int64_t> lengths = {60};
  const auto edit = [&](bool training) {
    const BlockInput input{0, lengths, {1, 2, 3, training}};
    const auto count = static_cast<std::int64_t>((*adapter)->edited_rows(input).size());
    return (*adapter)->edit_block(input, normal_tensor({count, 16}, 1.0, 3, at::kDouble));
  };
  const at::Tensor whole = edit(false), dropped = edit(true);
  const at::Tensor kept = dropped != 0;
  EXPECT_GT((~kept).sum().item<std::int64_t>(), 0);
  const at::Tensor expected = at::where(kept, whole / 0.9, at::zeros_like(whole));
  EXPECT_LE((dropped - expected).abs().max().item<double>(), 1e-6);
}

TEST(Loreft, keeps_weight_decay_off_the_rotation_alone) {
  const auto member = tiny_member(tiny_trial("loreft", 2, 1), tiny_bert(), tiny_data());
  for (const TrainedTensor& tensor : member->adapter().trained()) {
    const bool rotation = tensor.name.find("rotate_layer") != std::string::npos;
    EXPECT_EQ(tensor.decays, !rotation) << tensor.name;
  }
}

TEST(Loreft, stays_orthonormal_at_every_step) {
  for (const auto& [dtype, tolerance] :
       {std::pair{at::kDouble, 1e-12}, std::pair{at::kFloat, 1e-6}}) {
    Trial trial = tiny_trial("loreft", 5, 2);
    trial.optimizer.learning_rate = 0.3;
    trial.optimizer.weight_decay = 0.5;
    trial.optimizer.schedule = "constant";
    auto member = tiny_member(trial, tiny_bert(dtype), tiny_data());
    auto& adapter = dynamic_cast<Loreft&>(member->adapter());
    const at::Tensor initial = adapter.current_rotations().front();
    Pack pack;
    pack.join(member.get());
    for (int step = 0; step < 20; ++step) {
      pack.step();
      for (const at::Tensor& rotation : adapter.current_rotations()) {
        const at::Tensor gram = at::mm(rotation.t(), rotation);
        EXPECT_LE((gram - at::eye(5, gram.options())).abs().max().item<double>(), tolerance);
      }
    }
    EXPECT_GT((adapter.current_rotations().front() - initial).abs().max().item<double>(), 0.1);
  }
}

TEST(Rotation, starts_at_the_given_columns_and_a_dense_base_agrees) {
  const std::int64_t n = 12, r = 4;
  const RotationBase base = random_base(n, r, 9, at::kDouble);
  const at::Tensor x = initial_rotation_parameter(n, r, at::kDouble);
  const at::Tensor start = rotations({x}, {base}).front();
  EXPECT_LE((rotations({x}, {base_from_columns(start, at::kDouble)}).front() - start)
                .abs()
                .max()
                .item<double>(),
            1e-14);
  // The implicit base applied to every unit vector is the dense matrix.
  const at::Tensor signs = at::cat({base.signs, at::ones({n - r}, at::kDouble)});
  const at::Tensor dense =
      at::diag(signs) -
      at::mm(base.vectors, at::mm(base.inner, at::mm(base.vectors.t(), at::diag(signs))));
  EXPECT_LE((at::mm(dense.t(), dense) - at::eye(n, at::kDouble)).abs().max().item<double>(), 1e-14);
  const at::Tensor moved = x + at::tril(normal_tensor({n, r}, 0.5, 4, at::kDouble), -1);
  RotationBase as_matrix;
  as_matrix.dense = dense;
  EXPECT_LE((rotations({moved}, {base}).front() - rotations({moved}, {as_matrix}).front())
                .abs()
                .max()
                .item<double>(),
            1e-14);
}

TEST(Rotation, equals_torchs_householder_product) {
  const std::int64_t n = 10, r = 3;
  const at::Tensor x = initial_rotation_parameter(n, r, at::kDouble) +
                       at::tril(normal_tensor({n, r}, 0.7, 5, at::kDouble), -1);
  const at::Tensor vectors = at::tril(x, -1);
  const at::Tensor tau = 2.0 / (1.0 + vectors.square().sum(0));
  const at::Tensor expected = -at::linalg_householder_product(vectors, tau);
  RotationBase identity;
  identity.dense = at::eye(n, at::kDouble);
  EXPECT_LE((rotations({x}, {identity}).front() - expected).abs().max().item<double>(), 1e-14);
}

TEST(Rotation, of_full_rank_works) {
  const RotationBase base = random_base(6, 6, 1, at::kDouble);
  const at::Tensor q = rotations({initial_rotation_parameter(6, 6, at::kDouble)}, {base}).front();
  EXPECT_LE((at::mm(q.t(), q) - at::eye(6, at::kDouble)).abs().max().item<double>(), 1e-13);
}

TEST(Positions, are_read_and_clipped_at_half_of_the_text) {
  const auto positions = parse_positions("f3+l2");
  ASSERT_TRUE(positions);
  EXPECT_EQ(first_positions(*positions, 8), (std::vector<std::int64_t>{0, 1, 2}));
  EXPECT_EQ(last_positions(*positions, 8), (std::vector<std::int64_t>{6, 7}));
  EXPECT_EQ(first_positions(*positions, 5), (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(last_positions(*positions, 3), (std::vector<std::int64_t>{2}));
  EXPECT_TRUE(first_positions(*positions, 1).empty());
  for (const char* bad : {"", "f", "x1", "f1+f2", "f1l1", "f-1", "f0+l0", "f1+"})
    EXPECT_FALSE(parse_positions(bad)) << bad;
}

// Places that pyreft fills up with a padding token do not exist here; the rest
// must be equal.
TEST(Positions, equal_pyrefts_table) {
  const char* shared = std::getenv("PLATEAU_SHARED");
  const char* source = std::getenv("PLATEAU_SOURCE_DIR");
  const std::filesystem::path file =
      (shared != nullptr ? std::filesystem::path(shared)
                         : std::filesystem::path(source != nullptr ? source : ".") / "../shared") /
      "golden/misc/loreft_positions.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "the reference table is not here";
  const auto table = nlohmann::json::parse(*read_file(file));
  ASSERT_GT(table.size(), 50U);
  for (const auto& row : table) {
    const auto positions = parse_positions(row["positions"]);
    ASSERT_TRUE(positions) << row["positions"];
    const std::int64_t length = row["last_position"];
    const auto first = first_positions(*positions, length);
    const auto last = last_positions(*positions, length);
    std::vector<std::int64_t> both = first;
    both.insert(both.end(), last.begin(), last.end());
    const bool split = !row["share_weights"] && !first.empty() && !last.empty();
    const auto& locations = row["locations"];
    for (std::size_t i = 0; i < locations.size(); ++i) {
      std::vector<std::int64_t> found;
      for (const std::int64_t place : locations[i]) {
        if (place >= 0 && place < length) found.push_back(place);
      }
      const auto& expected = !split ? both : i < locations.size() / 2 ? first : last;
      EXPECT_EQ(found, expected) << row.dump();
    }
  }
}

TEST(Loreft, refuses_layers_and_ranks_that_are_not_there) {
  const auto model = tiny_bert();
  Trial trial = tiny_trial("loreft", 17, 1);
  EXPECT_FALSE(make_adapter("loreft", {*model, trial.adapter.parameters, 1}));
  trial = tiny_trial("loreft", 2, 1);
  trial.adapter.parameters["layers"] = {0, 2};
  const auto layer = make_adapter("loreft", {*model, trial.adapter.parameters, 1});
  ASSERT_FALSE(layer);
  EXPECT_NE(layer.error().message.find("layers 0 to 1"), std::string::npos);
}

TEST(Loreft, of_the_upper_layer_leaves_the_lower_one_without_a_graph) {
  const auto model = tiny_bert();
  Trial trial = tiny_trial("loreft", 2, 1);
  trial.adapter.parameters["layers"] = {1};
  trial.adapter.parameters["share_weights"] = true;
  auto member = tiny_member(trial, model, tiny_data());
  EXPECT_EQ(member->adapter().trained().size(), 3U);
  EXPECT_EQ(member->adapter_parameters(), 2 * 16 + 2 * 16 + 2);
}

TEST(Dropout, belongs_to_trial_step_place_and_sequence) {
  const std::vector<std::int64_t> lengths = {3, 2}, tail = {2};
  const DropoutKey key{5, 2, 0, true};
  const auto mask = [&](double p, DropoutKey k, const char* place, const auto& sizes) {
    return dropout_mask(p, k, place, sizes, 64, at::kDouble);
  };
  const at::Tensor whole = mask(0.3, key, "a", lengths);
  EXPECT_TRUE(whole.equal(mask(0.3, key, "a", lengths)));
  EXPECT_TRUE(whole.narrow(0, 3, 2).equal(mask(0.3, {5, 2, 1, true}, "a", tail)));
  EXPECT_FALSE(whole.equal(mask(0.3, {6, 2, 0, true}, "a", lengths)));
  EXPECT_FALSE(whole.equal(mask(0.3, {5, 3, 0, true}, "a", lengths)));
  EXPECT_FALSE(whole.equal(mask(0.3, key, "b", lengths)));
  EXPECT_FALSE(mask(0.3, {5, 2, 0, false}, "a", lengths).defined());
  EXPECT_FALSE(mask(0.0, key, "a", lengths).defined());
  const std::vector<std::int64_t> many(200, 10);
  const at::Tensor large = mask(0.3, key, "a", many);
  EXPECT_NEAR((large == 0).to(at::kDouble).mean().item<double>(), 0.3, 0.01);
  EXPECT_NEAR(large.mean().item<double>(), 1.0, 0.02);
}

}  // namespace
}  // namespace plateau::trainer
