// Tokens a second of training steps on a BERT base: 32 texts of 64 tokens a step and trial, no
// padding, random token ids, [CLS] pooling, no dropout, in packs of one and of four. Not a test:
// nothing fails when it is slow.
//
//   trainer_bench BASE_FOLDER [steps]
#include <algorithm>
#include <cstdio>

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

int run(const std::string& folder, int steps) {
  const auto model = load_model(folder, {Pooling::kCls, at::TensorOptions().dtype(at::kFloat)});
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return exit_code(model.error().kind);
  }
  std::printf("threads %d, float32, %lld x %lld tokens a step and trial\n", at::get_num_threads(),
              static_cast<long long>(kTexts), static_cast<long long>(kTokens));
  std::printf("%-8s %5s %12s %12s\n", "method", "pack", "tok/s median", "tok/s best");
  for (const int trials : {1, 4}) {
    for (const char* method : {"lora", "dora", "loreft"}) {
      const Times times = measure(*model, method, trials, steps);
      const double tokens = static_cast<double>(kTexts * kTokens * trials);
      std::printf("%-8s %5d %12.0f %12.0f\n", method, trials, tokens / times.median,
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
  if (argc < 2) {
    std::fprintf(stderr, "usage: trainer_bench BASE_FOLDER [steps]\n");
    return 2;
  }
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);  // As the trainer's own main does.
  ::mallopt(M_TRIM_THRESHOLD, -1);
  return plateau::trainer::run(argv[1], argc > 2 ? std::atoi(argv[2]) : 8);
}
