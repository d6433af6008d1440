#include "tests/support/stand_in_trial.h"

#include <cmath>
#include <cstring>

#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/sha256.h"

namespace plateau::stand_in {
namespace {

using Json = nlohmann::json;
constexpr std::int64_t kTestRows = 20;

double unit(std::uint64_t bits) {
  return Random(bits).uniform();
}

Result<Json> described(const std::filesystem::path& path) {
  Result<std::string> sha256 = sha256_of_file(path);
  if (!sha256) return sha256.error();
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return io_error("no size of " + path.string() + ": " + error.message());
  return Json{{"path", path.string()}, {"size_bytes", size}, {"sha256", *sha256}};
}

std::string predictions(const Run& run) {
  Random random(last_link(run.key, run.steps_total));
  const double accuracy = test_accuracy(run.key, run.steps_total);
  std::string lines;
  for (std::int64_t row = 0; row < kTestRows; ++row) {
    const std::int64_t label = row % 3;
    const bool right = random.uniform() < accuracy;
    Json scores = Json::array({0.1, 0.1, 0.1});
    const std::int64_t prediction = right ? label : (label + 1) % 3;
    scores[static_cast<std::size_t>(prediction)] = 0.8;
    // An item has one id in every trial of a task, so that results can be paired by it.
    lines += Json{{"id", "test-" + std::to_string(row)},
                  {"label", label},
                  {"prediction", prediction},
                  {"scores", scores}}
                 .dump() +
             "\n";
  }
  return lines;
}

std::string metrics(const Run& run) {
  std::string lines;
  for (std::int64_t step = 1; step <= run.steps_total; ++step) {
    lines += Json{{"step", step},
                  {"split", "train"},
                  {"name", "loss"},
                  {"value", train_loss(run.key, step)}}
                 .dump() +
             "\n";
  }
  return lines;
}

// A real safetensors file of one tensor: rank x 4 numbers that follow from the key.
std::string adapter_weights(const Run& run) {
  const std::int64_t rows = std::max<std::int64_t>(run.rank, 1);
  const std::size_t bytes = static_cast<std::size_t>(rows) * 4 * sizeof(float);
  std::string header =
      Json{{"base_model.model.stand_in.lora_A.weight",
            {{"dtype", "F32"}, {"shape", {rows, 4}}, {"data_offsets", {0, bytes}}}}}
          .dump();
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string file(8, '\0');
  for (std::size_t i = 0; i < 8; ++i)
    file[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  file += header;
  Random random(last_link(run.key, run.steps_total));
  for (std::size_t i = 0; i < bytes / sizeof(float); ++i) {
    const auto value = static_cast<float>(random.normal());
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    file.append(raw, sizeof raw);
  }
  return file;
}

}  // namespace

std::uint64_t first_link(const std::string& key) {
  return derive_seed(0, key);
}

std::uint64_t next_link(std::uint64_t link, std::int64_t step) {
  return derive_seed(link, "step", {static_cast<std::uint64_t>(step)});
}

std::uint64_t last_link(const std::string& key, std::int64_t steps) {
  std::uint64_t link = first_link(key);
  for (std::int64_t step = 1; step <= steps; ++step)
    link = next_link(link, step);
  return link;
}

double test_accuracy(const std::string& key, std::int64_t steps) {
  return 0.5 + 0.5 * unit(last_link(key, steps));
}

double train_loss(const std::string& key, std::int64_t step) {
  return (1.0 + unit(first_link(key))) * std::exp(-0.05 * static_cast<double>(step));
}

Result<Json> write_checkpoint(const Run& run, const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / ("checkpoint-" + std::to_string(run.step));
  Json content{{"key", run.key}, {"step", run.step}, {"link", run.link}};
  content["check"] = sha256_hex(content.dump());
  if (Status written = write_file_atomically(path, content.dump()); !written)
    return written.error();
  return described(path);
}

Status read_checkpoint(const std::filesystem::path& path, Run& run) {
  const Result<std::string> bytes = read_file(path);
  if (!bytes) return bytes.error();
  Json content = Json::parse(*bytes, nullptr, false);
  if (!content.is_object() || !content.contains("check")) {
    return corrupt("the checkpoint " + path.string() + " is damaged");
  }
  const std::string check = content["check"];
  content.erase("check");
  if (check != sha256_hex(content.dump())) {
    return corrupt("the checkpoint " + path.string() + " is damaged");
  }
  if (content["key"] != run.key) {
    return corrupt("the checkpoint " + path.string() + " belongs to another trial");
  }
  run.step = content["step"];
  run.link = content["link"];
  return {};
}

Result<Finished> finish(const Run& run, const std::filesystem::path& folder, double train_seconds) {
  std::vector<std::pair<std::string, std::string>> files{{"metrics.jsonl", metrics(run)},
                                                         {"predictions.jsonl", predictions(run)}};
  if (!run.is_baseline) {
    const Json config{{"peft_type", "LORA"},
                      {"r", run.rank},
                      {"task_type", "SEQ_CLS"},
                      {"stand_in_key", run.key}};
    files.emplace_back("adapter/adapter_config.json", config.dump(2));
    files.emplace_back("adapter/adapter_model.safetensors", adapter_weights(run));
  }
  Finished finished;
  finished.artifacts = Json::array();
  for (const auto& [name, bytes] : files) {
    const std::filesystem::path path = folder / name;
    if (Status made = make_folder(path.parent_path()); !made) return made.error();
    if (Status written = write_file_atomically(path, bytes); !written) return written.error();
    Result<Json> artifact = described(path);
    if (!artifact) return artifact.error();
    (*artifact)["name"] = name;
    finished.artifacts.push_back(*artifact);
  }
  // The accuracy follows from the chain as it really went, not from the key: a wrong resumption
  // shows in the result.
  const double accuracy = 0.5 + 0.5 * unit(run.link);
  const std::int64_t parameters = run.is_baseline ? 0 : 4 * std::max<std::int64_t>(run.rank, 1);
  finished.result = {
      {"metrics",
       {{{"split", "test"}, {"name", "accuracy"}, {"value", accuracy}},
        {{"split", "validation"}, {"name", "accuracy"}, {"value", accuracy - 0.01}}}},
      {"parameters", {{"adapter", parameters}, {"head", 10}, {"base", 1000}}},
      {"steps", run.steps_total},
      {"train_tokens", run.steps_total * 128},
      {"train_seconds", train_seconds},
      {"eval_seconds", 0.0},
      {"peak_memory_bytes", 1 << 20},
      {"adapter_bytes", parameters * 4},
      {"device", "cpu"},
      {"device_name", "stand-in"},
      {"precision", "float32"},
      {"version", "stand-in"},
      {"torch", "none"},
      {"notes", {"made up by the stand-in trainer"}}};
  return finished;
}

}  // namespace plateau::stand_in
