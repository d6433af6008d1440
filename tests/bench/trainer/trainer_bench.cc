// Tokens a second and peak memory of training steps: by default on an encoder, 32 texts of 64
// tokens a step and trial, [CLS] pooling; with --language-model on a decoder, every token
// predicted. No padding, random token ids, no dropout. Not a test: nothing fails when it is slow.
//
//   trainer_bench BASE_FOLDER [--method M] [--parameters JSON] [--pack N] [--precision P]
//                 [--steps N] [--texts N] [--tokens N] [--language-model yes]
//                 [--storage file|numbers|nf4] [--benchmark_format=json]...
//
// Without --method or --pack: LoRA, DoRA and LoReFT, in packs of one and of four. --parameters are
// the method's, as a sweep names them. Peak memory is the process's so far, so it is one method's
// only when one is asked for. --storage says how the base's matrices are kept (model.h). Options
// that begin with --benchmark are Google Benchmark's.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>

#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "common/base/random.h"
#include "common/spec/methods.h"
#include "common/spec/task_kinds.h"
#include "worker/trainer/memory.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

struct Options {
  std::string base;
  std::vector<std::string> methods = {"lora", "dora", "loreft"};
  nlohmann::json parameters = nlohmann::json::object();
  std::vector<int> packs = {1, 4};
  std::string precision = "float32";
  int steps = 8;
  std::int64_t texts = 32, tokens = 64;
  bool language_model = false;
  Storage storage = Storage::kAsInFile;
};

constexpr std::array kStorages = {std::pair{"file", Storage::kAsInFile},
                                  std::pair{"numbers", Storage::kNumbers},
                                  std::pair{"nf4", Storage::kNf4}};

std::shared_ptr<const Dataset> random_data(const Options& options, std::int64_t vocabulary) {
  auto data = std::make_shared<Dataset>();
  Random random(1);
  for (std::int64_t i = 0; i < options.texts; ++i) {
    for (std::int64_t j = 0; j < options.tokens; ++j)
      data->train.ids.push_back(
          static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary))));
    data->train.offsets.push_back((i + 1) * options.tokens);
    data->train.labels.push_back(static_cast<std::int64_t>(random.below(2)));
    data->train.item_ids.push_back(std::to_string(i));
  }
  data->train.type_ids.assign(data->train.ids.size(), 0);
  data->train.token_labels.assign(data->train.ids.begin(), data->train.ids.end());
  data->test = data->train;
  return data;
}

// Rank 8 (LoReFT: 4) where the method has one; the rest is the method's own default.
nlohmann::json parameters_of(const std::string& method, const nlohmann::json& given) {
  nlohmann::json parameters = {{"rank", method == "loreft" ? 4 : 8}, {"tokens", 16}};
  parameters["trained_layers"] = 1;
  const MethodSchema* schema = find_method(method);
  nlohmann::json kept = given;
  for (const auto& [name, value] : parameters.items())
    if (schema != nullptr && schema->find(name) != nullptr && !kept.contains(name))
      kept[name] = value;
  return kept;
}

Result<Trial> trial_of(const Options& options, const std::string& method, std::uint64_t seed) {
  const MethodSchema* schema = find_method(method);
  if (schema == nullptr) return invalid_argument("there is no method '" + method + "'");
  auto parameters = resolve_method_parameters(*schema, parameters_of(method, options.parameters));
  if (!parameters) return parameters.error();
  Trial trial;
  if (options.language_model) {
    trial.task.kind = kCausalLm;
    trial.task.metric = metrics_of_kind(kCausalLm).front();
  } else {
    trial.task.labels = {"0", "1"};
  }
  trial.adapter.method = method;
  trial.adapter.parameters = *parameters;
  trial.optimizer.batch_size = options.texts;
  trial.optimizer.epochs = 10000;
  trial.seed = seed;
  return trial;
}

using Members = std::vector<std::unique_ptr<Member>>;

Result<Members> members_of(const Options& options, const std::shared_ptr<const Model>& model,
                           const std::string& method, int trials) {
  const auto data = random_data(options, model->info().vocabulary);
  Members members;
  for (int i = 0; i < trials; ++i) {
    const auto trial = trial_of(options, method, static_cast<std::uint64_t>(i));
    if (!trial) return trial.error();
    auto member = Member::create(*trial, model, data);
    if (!member) return member.error();
    members.push_back(std::move(member).value());
  }
  return members;
}

double seconds_of_step(Pack& pack) {
  const auto begin = std::chrono::steady_clock::now();
  pack.step();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// An iteration is a step of the pack; two that are not counted come first.
void measure(benchmark::State& state, const Members& members, double tokens) {
  Pack pack;
  for (const auto& member : members)
    pack.join(member.get());
  for (int i = 0; i < 2; ++i)
    pack.step();
  std::vector<double> seconds;
  for (auto _ : state) {
    seconds.push_back(seconds_of_step(pack));
    state.SetIterationTime(seconds.back());
  }
  std::sort(seconds.begin(), seconds.end());
  state.counters["tokens_per_s"] = tokens / seconds[seconds.size() / 2];
  state.counters["best_tokens_per_s"] = tokens / seconds.front();
  state.counters["peak_MiB"] = peak_mib();
}

std::optional<Options> parse(const std::vector<std::string>& words) {
  if (words.empty() || words.size() % 2 == 0) return std::nullopt;
  Options options;
  options.base = words[0];
  for (std::size_t i = 1; i < words.size(); i += 2) {
    const std::string& value = words[i + 1];
    const int number = std::atoi(value.c_str());
    if (words[i] == "--method") {
      options.methods = {value};
    } else if (words[i] == "--parameters") {
      options.parameters = nlohmann::json::parse(value, nullptr, false);
      if (!options.parameters.is_object()) return std::nullopt;
    } else if (words[i] == "--precision") {
      options.precision = value;
    } else if (words[i] == "--language-model") {
      options.language_model = value == "yes";
    } else if (words[i] == "--storage") {
      const auto* known = std::find_if(kStorages.begin(), kStorages.end(),
                                       [&](const auto& entry) { return value == entry.first; });
      if (known == kStorages.end()) return std::nullopt;
      options.storage = known->second;
    } else if (number <= 0) {
      return std::nullopt;
    } else if (words[i] == "--pack") {
      options.packs = {number};
    } else if (words[i] == "--steps") {
      options.steps = number;
    } else if (words[i] == "--texts") {
      options.texts = number;
    } else if (words[i] == "--tokens") {
      options.tokens = number;
    } else {
      return std::nullopt;
    }
  }
  return options;
}

int fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  return exit_code(error.kind);
}

int run(const Options& options) {
  const auto dtype = dtype_of_precision(options.precision);
  if (!dtype) return fail(dtype.error());
  const Pooling pooling = options.language_model ? Pooling::kTokens : Pooling::kCls;
  const auto model =
      load_model(options.base, {pooling, at::TensorOptions().dtype(*dtype), options.storage});
  if (!model) return fail(model.error());
  benchmark::AddCustomContext("threads", std::to_string(at::get_num_threads()));
  benchmark::AddCustomContext("precision", options.precision);
  benchmark::AddCustomContext("tokens_a_step_and_trial", std::to_string(options.texts) + " x " +
                                                             std::to_string(options.tokens));
  benchmark::AddCustomContext("base_MiB", std::to_string((*model)->storage_bytes() >> 20));
  std::optional<Error> failed;
  for (const int trials : options.packs) {
    for (const std::string& method : options.methods) {
      const auto body = [&, trials, method](benchmark::State& state) {
        const auto members = members_of(options, *model, method, trials);
        if (!members) {
          failed = members.error();
          return state.SkipWithError(failed->message.c_str());
        }
        measure(state, *members, static_cast<double>(options.texts * options.tokens * trials));
      };
      benchmark::RegisterBenchmark((method + "/pack:" + std::to_string(trials)).c_str(), body)
          ->Iterations(options.steps)
          ->UseManualTime()
          ->Unit(benchmark::kMillisecond);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return failed ? fail(*failed) : 0;
}

}  // namespace
}  // namespace plateau::trainer

int main(int argc, char** argv) {
  const auto is_ours = [](const char* word) {
    return std::string_view(word).substr(0, 11) != "--benchmark";
  };
  char** theirs = std::stable_partition(argv + 1, argv + argc, is_ours);
  const auto options = plateau::trainer::parse({argv + 1, theirs});
  std::vector<char*> rest = {argv[0]};
  rest.insert(rest.end(), theirs, argv + argc);
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (!options || benchmark::ReportUnrecognizedArguments(count, rest.data())) {
    std::fprintf(stderr,
                 "usage: trainer_bench BASE_FOLDER [--method M] [--parameters JSON] [--pack N] "
                 "[--precision float32|bfloat16] [--steps N] [--texts N] [--tokens N] "
                 "[--language-model yes] [--storage file|numbers|nf4] [--benchmark_format=json]\n");
    return 2;
  }
  plateau::trainer::keep_memory_between_steps();
  return plateau::trainer::run(*options);
}
