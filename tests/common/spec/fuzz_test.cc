// Seeded mutations of good sweeps: whatever the file, reading and expanding it gives a plan or
// mistakes in words; never a crash, never for ever.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/base/random.h"
#include "tests/common/spec/sweep_fixture.h"

namespace plateau {
namespace {

using namespace testing;

const std::vector<std::string> kGood{
    R"(name: my-study
metric: {name: validation/accuracy, goal: maximize}
parameters: {base: minilm, task: [tweets, news], adapter: lora, rank: [1, 2], learning_rate: [1e-3]}
select: learning_rate
baselines: majority
resources: {pack: 4, devices: [cpu, "cuda:0"]}
)",
    R"(parameters:
  base: minilm
  task: tweets
  adapter: [lora, loreft]
  rank: {values: [1, 4, 16]}
  seed: [0, 1, 2]
adapters:
  lora:
    alpha: 2 * rank
report: {title: Ranks}
)",
    R"(method: random
run_cap: 10
parameters:
  base: minilm
  task: tweets
  adapter: lora
  rank: {distribution: q_log_uniform_values, min: 1, max: 64}
  learning_rate: {distribution: log_uniform_values, min: 1e-5, max: 1e-2}
)"};

std::string mutated(std::string text, Random& random) {
  static const std::vector<std::string> kTokens{
      "{",  "}",   "[",        "]",  ":",     "- ",     "&a ", "*a",   "!!binary ", "|",    "\n",
      "  ", "\t",  "\"",       "'",  "= 1/0", "= ((",   "#",   "~",    "---\n",     "<<: ", "1e999",
      "-1", "nan", "\xff\xfe", "? ", "%",     "range(", "\\",  "rank", "when: "};
  for (std::uint64_t edits = 1 + random.below(3); edits > 0 && !text.empty(); --edits) {
    const auto at = static_cast<std::size_t>(random.below(text.size()));
    switch (random.below(4)) {
      case 0:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        text.erase(at, static_cast<std::size_t>(random.below(12)));
        break;
      case 2:
        text.replace(at, static_cast<std::size_t>(random.below(4)),
                     kTokens[static_cast<std::size_t>(random.below(kTokens.size()))]);
        break;
      default:
        text.insert(at, text.substr(at, static_cast<std::size_t>(random.below(40))));
    }
  }
  return text;
}

TEST(SweepFuzz, mutated_sweeps_are_read_or_refused_in_words) {
  Random random(11);
  int plans = 0;
  int refused = 0;
  for (const std::string& good : kGood) {
    EXPECT_EQ(mistakes(good), "");
    for (int i = 0; i < 1000; ++i) {
      const std::string text = mutated(good, random);
      SCOPED_TRACE(text);
      const Result<Sweep> sweep = read(text);
      if (!sweep) {
        EXPECT_FALSE(sweep.error().message.empty());
        ++refused;
        continue;
      }
      // A digit more in a count is a large sweep, which is no mistake and takes its time.
      if (i % 2 == 0) plans += expand(*sweep, sources()) ? 1 : 0;
    }
  }
  // Both must happen often, or the mutations test nothing.
  EXPECT_GT(plans, 20);
  EXPECT_GT(refused, 500);
}

TEST(SweepFuzz, nesting_and_expressions_without_end_are_refused) {
  for (const std::string& deep :
       {std::string(kHead) + "  rank: " + std::string(100'000, '['),
        std::string(kHead) + "  rank: " + std::string(20'000, '[') + std::string(20'000, ']'),
        std::string(kHead) + "  adapter: lora\n  rank: \"= " + std::string(100'000, '(') + "\"\n",
        std::string(kHead) + "  adapter: lora\n  rank: \"= " + std::string(100'000, '-') +
            "1\"\n"}) {
    const Result<Sweep> sweep = read(deep);
    EXPECT_FALSE(sweep.ok() && expand(*sweep, sources()).ok());
  }
}

}  // namespace
}  // namespace plateau
