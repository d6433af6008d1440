#include "tests/worker/trainer/support/tiny.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/spec/methods.h"
#include "worker/trainer/adapters/init.h"

namespace plateau::trainer::testing {
namespace {

constexpr char kConfig[] = R"({"model_type": "bert", "hidden_size": 16, "num_hidden_layers": 2,
 "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 40,
 "max_position_embeddings": 32, "type_vocab_size": 2, "hidden_act": "gelu",
 "layer_norm_eps": 1e-12, "initializer_range": 0.02})";

void add(TensorMap& tensors, const std::string& name, std::vector<std::int64_t> shape,
         double deviation) {
  tensors[name] = normal_tensor(shape, deviation, derive_seed(7, name), at::kDouble);
}

void add_linear(TensorMap& tensors, const std::string& name, std::int64_t out, std::int64_t in) {
  add(tensors, name + ".weight", {out, in}, 0.4);
  add(tensors, name + ".bias", {out}, 0.2);
}

void add_norm(TensorMap& tensors, const std::string& name) {
  add(tensors, name + ".weight", {16}, 0.2);
  tensors[name + ".weight"] += 1.0;
  add(tensors, name + ".bias", {16}, 0.2);
}

Split make_split(std::int64_t items, std::uint64_t seed) {
  Random random(seed);
  Split split;
  for (std::int64_t i = 0; i < items; ++i) {
    const auto length = static_cast<std::int64_t>(2 + random.below(8));
    std::int64_t sum = 0;
    for (std::int64_t j = 0; j < length; ++j) {
      split.ids.push_back(static_cast<std::int32_t>(random.below(40)));
      split.type_ids.push_back(j * 2 < length ? 0 : 1);
      sum += split.ids.back();
    }
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    split.labels.push_back(sum / length * 3 / 40);
    split.targets.push_back(static_cast<double>(sum) / static_cast<double>(length));
    split.item_ids.push_back(std::to_string(i));
  }
  return split;
}

}  // namespace

std::filesystem::path fresh_folder(const std::string& name) {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string test =
      info == nullptr ? "setup" : info->test_suite_name() + std::string(".") + info->name();
  std::replace(test.begin(), test.end(), '/', '_');
  const auto folder = std::filesystem::temp_directory_path() /
                      ("plateau-" + std::to_string(::getpid())) / test / name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

std::filesystem::path write_tiny_bert(const std::string& prefix) {
  const auto folder = fresh_folder("tiny-bert");
  TensorMap tensors;
  add(tensors, "embeddings.word_embeddings.weight", {40, 16}, 1.0);
  add(tensors, "embeddings.position_embeddings.weight", {32, 16}, 0.5);
  add(tensors, "embeddings.token_type_embeddings.weight", {2, 16}, 0.5);
  add_norm(tensors, "embeddings.LayerNorm");
  for (const std::string layer : {"encoder.layer.0", "encoder.layer.1"}) {
    for (const char* part : {"query", "key", "value"})
      add_linear(tensors, layer + ".attention.self." + part, 16, 16);
    add_linear(tensors, layer + ".attention.output.dense", 16, 16);
    add_norm(tensors, layer + ".attention.output.LayerNorm");
    add_linear(tensors, layer + ".intermediate.dense", 24, 16);
    add_linear(tensors, layer + ".output.dense", 16, 24);
    add_norm(tensors, layer + ".output.LayerNorm");
  }
  add_linear(tensors, "pooler.dense", 16, 16);
  TensorMap named;
  for (const auto& [name, tensor] : tensors)
    named[prefix + name] = tensor;
  EXPECT_TRUE(write_tensors(folder / "model.safetensors", named, {{"format", "pt"}}));
  EXPECT_TRUE(write_file_atomically(folder / "config.json", kConfig));
  return folder;
}

std::shared_ptr<const Model> tiny_bert(at::ScalarType dtype, Pooling pooling, Storage storage) {
  auto model = load_model(write_tiny_bert(), {pooling, at::TensorOptions().dtype(dtype), storage});
  PLATEAU_CHECK(model.ok(), model ? "" : model.error().message);
  return *model;
}

std::shared_ptr<const Dataset> tiny_data(std::int64_t items) {
  auto data = std::make_shared<Dataset>();
  data->train = make_split(items, 1);
  data->validation = make_split(items / 2, 2);
  data->test = make_split(items / 2, 3);
  data->largest_id = 39;
  return data;
}

std::filesystem::path write_task(const Dataset& data) {
  const auto folder = fresh_folder("task");
  for (const auto& [split, name] :
       {std::pair{&data.train, "train"}, std::pair{&data.validation, "validation"},
        std::pair{&data.test, "test"}}) {
    std::string text;
    for (std::int64_t i = 0; i < split->size(); ++i) {
      const auto tokens = split->tokens(i), types = split->types(i);
      nlohmann::json row = {{"input_ids", std::vector<int>(tokens.begin(), tokens.end())}};
      if (split->token_labels.empty()) {
        row["token_type_ids"] = std::vector<int>(types.begin(), types.end());
        const auto at = static_cast<std::size_t>(i);
        row["label"] = split->labels.empty() ? nlohmann::json(split->targets[at])
                                             : nlohmann::json(split->labels[at]);
      } else {
        const auto labels = split->labels_of_tokens(i);
        row["labels"] = std::vector<int>(labels.begin(), labels.end());
      }
      text += row.dump() + "\n";
    }
    EXPECT_TRUE(write_file_atomically(folder / (std::string(name) + ".jsonl"), text));
  }
  return folder;
}

nlohmann::json tiny_parameters(const std::string& method, std::int64_t rank) {
  const MethodSchema* schema = find_method(method);
  PLATEAU_CHECK(schema != nullptr, "no such method: " + method);
  const nlohmann::json wanted = {
      {"rank", rank}, {"tokens", rank}, {"dropout", 0.1}, {"positions", "f2+l1"}};
  nlohmann::json given = nlohmann::json::object();
  for (const ParameterSchema& parameter : schema->parameters) {
    if (wanted.contains(parameter.name)) given[parameter.name] = wanted[parameter.name];
    if (parameter.name == "trained_layers") given[parameter.name] = 1;
  }
  auto resolved = resolve_method_parameters(*schema, given);
  PLATEAU_CHECK(resolved.ok(), resolved ? "" : resolved.error().message);
  return *resolved;
}

Trial tiny_trial(const std::string& method, std::int64_t rank, std::uint64_t seed) {
  Trial trial;
  trial.base.name = "tiny";
  trial.task.name = "tiny";
  trial.task.labels = {"low", "middle", "high"};
  trial.adapter.method = method;
  trial.adapter.parameters = tiny_parameters(method, rank);
  trial.optimizer.learning_rate = 1e-2;
  trial.optimizer.head_learning_rate = 2e-2;
  trial.optimizer.weight_decay = 0.01;
  trial.optimizer.batch_size = 4;
  trial.optimizer.epochs = 5.0;
  trial.protocol.precision = "float64";
  trial.seed = seed;
  return trial;
}

std::unique_ptr<Member> tiny_member(const Trial& trial, std::shared_ptr<const Model> model,
                                    std::shared_ptr<const Dataset> data) {
  auto member = Member::create(trial, std::move(model), std::move(data));
  PLATEAU_CHECK(member.ok(), member ? "" : member.error().message);
  return std::move(*member);
}

double distance(const TensorMap& a, const TensorMap& b) {
  double sum = 0.0;
  for (const auto& [name, tensor] : a)
    sum += (tensor - b.at(name)).to(at::kDouble).square().sum().item<double>();
  return std::sqrt(sum);
}

}  // namespace plateau::trainer::testing
