// Tokens a second and peak memory of training steps on a BERT base: 32 texts of 64 tokens a step
// and trial, no padding, random token ids, [CLS] pooling, no dropout. Not a test: nothing fails
// when it is slow.
//
//   trainer_bench BASE_FOLDER [--method M] [--pack N] [--precision P] [--steps N]
//
// Without --method or --pack: LoRA, DoRA and LoReFT, in packs of one and of four. Peak memory is
// the process's, so it is one method's only when one is asked for.
#include <algorithm>
#include <cstdio>
#include <optional>

#include <ATen/Parallel.h>
#include <malloc.h>
#include <sys/resource.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "worker/trainer/pack/pack.h"

namespace plateau::trainer {
namespace {

constexpr std::int64_t kTexts = 32, kTokens = 64;

std::shared_ptr<const Dataset> random_data(std::int64_t vocabulary) {
  auto data = std::make_shared<Dataset>();
  Random random(1);
  for (std::int64_t i = 0; i < kTexts; ++i) {
    for (std::int64_t j = 0; j < kTokens; ++j)
      data->train.ids.push_back(
          static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary))));
    data->train.offsets.push_back((i + 1) * kTokens);
    data->train.labels.push_back(static_cast<std::int64_t>(random.below(2)));
    data->train.item_ids.push_back(std::to_string(i));
  }
  data->train.type_ids.assign(data->train.ids.size(), 0);
  data->test = data->train;
  return data;
}

Trial trial_of(const std::string& method, std::uint64_t seed) {
  Trial trial;
  trial.task.labels = {"0", "1"};
  trial.adapter.method = method;
  trial.adapter.parameters = {{"rank", 8},
                              {"alpha", 16.0},
                              {"dropout", 0.0},
                              {"rslora", false},
                              {"target_modules", "all-linear"}};
  if (method == "loreft") {
    trial.adapter.parameters = {{"rank", 4},
                                {"dropout", 0.0},
                                {"positions", "f1+l1"},
                                {"layers", "all"},
                                {"share_weights", false}};
  }
  trial.optimizer.batch_size = kTexts;
  trial.optimizer.epochs = 10000;
  trial.seed = seed;
  return trial;
}

struct Times {
  double best, median;
};

// Seconds of one step of the pack; the first two are not counted.
Times measure(const std::shared_ptr<const Model>& model, const std::string& method, int trials,
              int steps) {
  const auto data = random_data(model->info().vocabulary);
  std::vector<std::unique_ptr<Member>> members;
  Pack pack;
  for (int i = 0; i < trials; ++i) {
    auto member = Member::create(trial_of(method, static_cast<std::uint64_t>(i)), model, data);
    members.push_back(std::move(member).value());
    pack.join(members.back().get());
  }
  std::vector<double> seconds;
  for (int i = 0; i < steps + 2; ++i) {
    const TimeMs begin_ms = system_clock().monotonic_ms();
    pack.step();
    const TimeMs passed_ms = system_clock().monotonic_ms() - begin_ms;
    if (i >= 2) seconds.push_back(static_cast<double>(passed_ms) / 1000.0);
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds.front(), seconds[seconds.size() / 2]};
}

struct Options {
  std::string base;
  std::vector<std::string> methods = {"lora", "dora", "loreft"};
  std::vector<int> packs = {1, 4};
  std::string precision = "float32";
  int steps = 8;
};

std::optional<Options> parse(const std::vector<std::string>& words) {
  if (words.empty() || words.size() % 2 == 0) return std::nullopt;
  Options options;
  options.base = words[0];
  for (std::size_t i = 1; i < words.size(); i += 2) {
    const std::string& value = words[i + 1];
    const int number = std::atoi(value.c_str());
    if (words[i] == "--method") {
      options.methods = {value};
    } else if (words[i] == "--precision") {
      options.precision = value;
    } else if (words[i] == "--pack" && number > 0) {
      options.packs = {number};
    } else if (words[i] == "--steps" && number > 0) {
      options.steps = number;
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
  const auto model = load_model(options.base, {Pooling::kCls, at::TensorOptions().dtype(*dtype)});
  if (!model) return fail(model.error());
  std::printf("threads %d, %s, %lld x %lld tokens a step and trial\n", at::get_num_threads(),
              options.precision.c_str(), static_cast<long long>(kTexts),
              static_cast<long long>(kTokens));
  std::printf("%-8s %5s %12s %12s\n", "method", "pack", "tok/s median", "tok/s best");
  for (const int trials : options.packs) {
    for (const std::string& method : options.methods) {
      const Times times = measure(*model, method, trials, options.steps);
      const double tokens = static_cast<double>(kTexts * kTokens * trials);
      std::printf("%-8s %5d %12.0f %12.0f\n", method.c_str(), trials, tokens / times.median,
                  tokens / times.best);
      std::fflush(stdout);
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("peak resident memory %ld MiB\n", usage.ru_maxrss / 1024);
  return 0;
}

}  // namespace
}  // namespace plateau::trainer

int main(int argc, char** argv) {
  const auto options = plateau::trainer::parse({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr,
                 "usage: trainer_bench BASE_FOLDER [--method M] [--pack N] "
                 "[--precision float32|bfloat16] [--steps N]\n");
    return 2;
  }
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);  // As the trainer's own main does.
  ::mallopt(M_TRIM_THRESHOLD, -1);
  return plateau::trainer::run(*options);
}
