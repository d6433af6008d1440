#include "common/catalogue/load_sweep.h"

#include <set>

#include <gtest/gtest.h>

#include "common/base/text.h"
#include "tests/common/catalogue/temporary_folder.h"

namespace plateau {
namespace {

using testing::kConfig;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

class LoadSweep : public ::testing::Test {
 protected:
  Result<LoadedSweep> load(const std::string& parameters,
                           const std::vector<std::string>& overrides = {}) {
    const fs::path file = folder_.write("s.yaml", "parameters: {" + parameters + "}\n");
    return load_sweep({file, overrides, false}, Catalogue::load().value(), cache_.path());
  }
  std::string message(const std::string& parameters) {
    const Result<LoadedSweep> loaded = load(parameters);
    if (loaded) return "";
    const std::string& text = loaded.error().message;
    const std::string prefix = (folder_.path() / "s.yaml").string() + ":";
    return text.rfind(prefix, 0) == 0 ? text.substr(prefix.size()) : text;
  }

  TemporaryFolder folder_, cache_;
};

fs::path source_file(const std::string& name) {
  return fs::path(std::getenv("PLATEAU_SOURCE_DIR")) / name;
}

TEST_F(LoadSweep, the_quickstart_is_eighteen_trials) {
  const LoadedSweep loaded = load_sweep({source_file("sweeps/quickstart.yaml"), {}, false},
                                        Catalogue::load().value(), cache_.path())
                                 .value();
  EXPECT_EQ(loaded.plan.trial_count, 18);
  EXPECT_EQ(loaded.plan.cell_count, 9);
  EXPECT_EQ(loaded.plan.baseline_count, 2);
  // Nothing was downloaded, so nothing has a path yet.
  EXPECT_EQ(loaded.plan.trials[0].trial().base.path, "");
  EXPECT_EQ(loaded.plan.trials[0].trial().task.labels.size(), 3u);
  ASSERT_EQ(loaded.plan.warnings.size(), 1u);
}

TEST_F(LoadSweep, rank_plateau_takes_tasks_from_a_folder) {
  const char* shared = std::getenv("PLATEAU_SHARED");
  const fs::path data = shared != nullptr ? fs::path(shared) / "data"
                                          : source_file("../shared/data").lexically_normal();
  if (!fs::exists(data / "cola")) GTEST_SKIP() << "no folder with sst2, cola and mrpc beside";
  const LoadedSweep loaded =
      load_sweep({source_file("sweeps/rank-plateau.yaml"),
                  {"tasks_folder=" + data.string(), "task=tweets-sentiment,sst2,cola,mrpc"},
                  false},
                 Catalogue::load().value(), cache_.path())
          .value();
  EXPECT_EQ(loaded.plan.trial_count, 4 * 3 * 7 * 3 * 5);
  EXPECT_EQ(loaded.sources.tasks.at("cola").spec.metric, "matthews");
  EXPECT_EQ(loaded.sources.tasks.at("mrpc").spec.columns.at("text_pair"), "sentence2");
  EXPECT_EQ(loaded.sources.tasks.at("sst2").spec.labels,
            (std::vector<std::string>{"negative", "positive"}));
}

TEST_F(LoadSweep, unknown_bases_and_tasks_have_place_and_nearest_name) {
  EXPECT_EQ(message("base: minilm-l7, task: tweets-sentiment, adapter: lora, rank: 1"),
            "1:20: unknown base 'minilm-l7'. Did you mean 'minilm-l6'? Known: minilm-l6, "
            "smollm2-135m; or a path, "
            "such as ./minilm-l7");
  EXPECT_EQ(message("base: minilm-l6, task: bbc-nws, adapter: lora, rank: 1"),
            "1:37: unknown task 'bbc-nws'. Did you mean 'bbc-news'? Known: bbc-news, "
            "tweets-sentiment; or a path, such as ./bbc-nws");
}

// Mistakes in every section, each of which once hid those of the next stage.
TEST_F(LoadSweep, all_mistakes_of_all_sections_are_told_at_once) {
  const fs::path file = folder_.write("s.yaml",
                                      "nmae: x\n"
                                      "metric: acuracy\n"
                                      "parameters:\n"
                                      "  base: minilm-l6\n"
                                      "  task: [tweets-sentiment, bbc-nws]\n"
                                      "  adapter: [lora, lroa]\n"
                                      "  rank: [4, 0, 1000]\n"
                                      "  epochs: rank / 0\n"
                                      "max_time: 8\n"
                                      "early_terminate: {type: asha, eta: 1}\n"
                                      "resources: {pack: 0}\n"
                                      "report: {tables: []}\n");
  const SweepRequest request{file, {}, false, [](const nlohmann::json&) {
                               return Status(invalid_argument("report.tables: no tables"));
                             }};
  const auto loaded = load_sweep(request, Catalogue::load().value(), cache_.path());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().kind, ErrorKind::kInvalidArgument);
  const std::vector<std::string> lines = split(loaded.error().message, '\n');
  const std::vector<std::string> expected = {
      ":1:1: unknown key",           ":2:9: unknown metric",
      ":5:28: unknown task",         ":6:19: unknown adapter",
      ":7:13: rank is the number 0", ":8:3: epochs = rank / 0 fails",
      ":9:11: max_time is",          ":10:36: early_terminate.eta",
      ":11:19: resources.pack",      ":12:18: report.tables: no tables"};
  ASSERT_EQ(lines.size(), expected.size()) << loaded.error().message;
  for (std::size_t i = 0; i < lines.size(); ++i)
    EXPECT_EQ(lines[i].rfind(file.string() + expected[i], 0), 0u) << lines[i];
}

// A mistake apart from the parameters does not hide what only the expansion sees.
TEST_F(LoadSweep, a_rank_above_a_matrix_is_told_beside_a_wrong_budget) {
  const fs::path file = folder_.write("s.yaml",
                                      "max_time: 8\nparameters: {base: minilm-l6, task: bbc-news, "
                                      "adapter: lora, rank: [0, 1000]}\n");
  const auto loaded = load_sweep({file, {}, false}, Catalogue::load().value(), cache_.path());
  ASSERT_FALSE(loaded);
  const std::string& text = loaded.error().message;
  EXPECT_NE(text.find(":1:11: max_time is"), std::string::npos) << text;
  EXPECT_NE(text.find("rank is the number 0"), std::string::npos) << text;
  EXPECT_NE(text.find("rank is 1000; the largest that lora allows"), std::string::npos) << text;
}

TEST_F(LoadSweep, a_misspelt_parameter_does_not_hide_what_the_expansion_finds) {
  const std::string text = message(
      "base: minilm-l6, task: bbc-news, adapter: lora, rnak: [1, 1000], learning_rte: 1e-3");
  EXPECT_NE(text.find("'rnak'"), std::string::npos) << text;
  EXPECT_NE(text.find("'learning_rte'"), std::string::npos) << text;
  EXPECT_NE(text.find("rank is 1000; the largest that lora allows"), std::string::npos) << text;
  EXPECT_EQ(text.find("needs 'rank'"), std::string::npos) << text;
  // A name that stands for nothing is no parameter: nothing can be said of what it makes.
  const std::string unknown =
      message("base: minilm-l6, task: bbc-news, adapter: lora, zzzzzzzz: 1, rank: 1000");
  EXPECT_NE(unknown.find("'zzzzzzzz'"), std::string::npos) << unknown;
}

TEST_F(LoadSweep, a_circle_does_not_hide_what_the_expansion_finds) {
  const std::string text = message(
      "base: minilm-l6, task: bbc-news, adapter: lora, rank: alpha / 2, alpha: 2 * rank, "
      "max_length: 1000");
  EXPECT_NE(text.find("'rank' depends on itself: rank -> alpha -> rank"), std::string::npos)
      << text;
  EXPECT_NE(text.find("max_length is 1000; minilm-l6 has 512 positions"), std::string::npos)
      << text;
}

TEST_F(LoadSweep, a_condition_that_never_holds_is_a_mistake_but_in_a_fragment) {
  const std::string right = "base: minilm-l6, task: tweets-sentiment, adapter: lora, rank: 1";
  const std::string condition = "{epochs: {value: 2, when: task == bbc-news}}";
  EXPECT_NE(message(right + ", epochs: {value: 2, when: task == bbc-news}")
                .find("epochs.when never holds: it compares task with 'bbc-news', and task is "
                      "'tweets-sentiment'."),
            std::string::npos);
  const fs::path file =
      folder_.write("s.yaml", "fragments: {long: " + condition + "}\nparameters: {" + right +
                                  ", extends: long}\n");
  const auto loaded = load_sweep({file, {}, false}, Catalogue::load().value(), cache_.path());
  EXPECT_TRUE(loaded) << loaded.error().message;
}

TEST_F(LoadSweep, a_target_beyond_its_metric_is_a_mistake) {
  const fs::path file = folder_.write(
      "s.yaml",
      "target: 90\nparameters: {base: minilm-l6, task: bbc-news, adapter: lora, rank: 1}\n");
  const auto loaded = load_sweep({file, {}, false}, Catalogue::load().value(), cache_.path());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(
      loaded.error().message,
      file.string() + ":1:9: the target 90 is never reached: accuracy is at most 1; 0.9 is 90 %");
}

// A condition, an expression or a group that is wrong is taken out, and the rest is looked at.
TEST_F(LoadSweep, a_wrong_reference_does_not_hide_what_the_expansion_finds) {
  for (const char* wrong :
       {"epochs: {value: 2, when: rnk > 1}", "epochs: {value: 2, when: seed}",
        "epochs: {value: 2, when: adapter == lroa}", "epochs: 2 * max_length", "epochs: [fast]",
        "epochs: {valu: 2}", "epochs: quick", "adapter: lroa", "base: minilm-l7"}) {
    std::string rest = "task: bbc-news, rank: [1, 1000], ";
    if (std::string(wrong).rfind("base", 0) != 0) rest += "base: minilm-l6, ";
    if (std::string(wrong).rfind("adapter", 0) != 0) rest += "adapter: lora, ";
    const std::string text = message(rest + wrong);
    EXPECT_NE(text.find("rank is 1000; the largest that lora allows"), std::string::npos)
        << wrong << '\n'
        << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  }
}

TEST_F(LoadSweep, a_wrong_zip_does_not_hide_what_the_expansion_finds) {
  for (const char* zip : {"[rank, epoch]", "[rank, epochs]", "[rank]"}) {
    const fs::path file = folder_.write("s.yaml",
                                        "parameters: {base: minilm-l6, task: bbc-news, adapter: "
                                        "lora, rank: [1, 1000], epochs: [1, 2, 3]}\nzip: " +
                                            std::string(zip) + "\n");
    const std::string text =
        load_sweep({file, {}, false}, Catalogue::load().value(), cache_.path()).error().message;
    EXPECT_NE(text.find("zip"), std::string::npos) << text;
    EXPECT_NE(text.find("rank is 1000; the largest that lora allows"), std::string::npos) << text;
  }
}

TEST_F(LoadSweep, a_metric_that_the_task_does_not_have) {
  const auto said = [&](const std::string& more) {
    const fs::path file = folder_.write(
        "s.yaml", "parameters: {base: minilm-l6, task: bbc-news, adapter: lora, rank: 1}\n" + more);
    const auto loaded = load_sweep({file, {}, false}, Catalogue::load().value(), cache_.path());
    return loaded ? "" : loaded.error().message.substr(file.string().size());
  };
  const std::string has =
      " is not measured on the task 'bbc-news', whose kind is classification; it has accuracy, f1, "
      "matthews, loss";
  EXPECT_EQ(said("metric: {name: pearson}\n"), ":2:16: the metric pearson" + has);
  EXPECT_EQ(said("early_terminate: {type: asha, metric: perplexity}\n"),
            ":2:39: the metric perplexity" + has);
  EXPECT_EQ(said("metric: loss\nearly_terminate: {type: asha, metric: f1}\n"), "");
}

// The place of a mistake in the report is that of the key, or of what holds it.
TEST_F(LoadSweep, a_mistake_in_the_report_has_a_line_and_a_column) {
  const auto said = [&](const std::string& path) {
    const fs::path file =
        folder_.write("s.yaml",
                      "parameters: {base: minilm-l6, task: bbc-news, adapter: lora, rank: 1}\n"
                      "report:\n  tables:\n    - name: a\n    - name: b\n      show: [x]\n");
    const SweepRequest request{
        file, {}, false, [&](const nlohmann::json&) { return Status(invalid_argument(path)); }};
    const std::string text =
        load_sweep(request, Catalogue::load().value(), cache_.path()).error().message;
    return text.substr(text.find("s.yaml"));
  };
  EXPECT_EQ(said("report.tables[1].show: no"), "s.yaml:6:13: report.tables[1].show: no");
  EXPECT_EQ(said("report.tables[1].rows: no"), "s.yaml:5:7: report.tables[1].rows: no");
  EXPECT_EQ(said("report.other: no"), "s.yaml:3:3: report.other: no");
}

TEST_F(LoadSweep, both_unknown_are_told_at_once) {
  const std::string text = message("base: x1, task: x2, adapter: lora, rank: 1");
  EXPECT_NE(text.find("unknown base 'x1'"), std::string::npos);
  EXPECT_NE(text.find("unknown task 'x2'"), std::string::npos);
}

TEST_F(LoadSweep, local_folders_are_relative_to_the_file) {
  folder_.write("bert/config.json", kConfig);
  folder_.write("bert/model.safetensors", "weights");
  folder_.write("bert/tokenizer.json", "{}");
  folder_.write("data/train.csv", "sentence,label\nx,1\ny,0\n");
  const LoadedSweep loaded =
      load("base: ./bert, task: ./data, adapter: [lora, dora], rank: [1, 32], max_length: 64")
          .value();
  EXPECT_EQ(loaded.plan.trial_count, 4);
  const Trial trial = loaded.plan.trials[0].trial();
  EXPECT_EQ(trial.base.path, (folder_.path() / "bert").string());
  EXPECT_EQ(trial.task.path, (folder_.path() / "data").string());
  EXPECT_EQ(message("base: ./bert, task: ./data, adapter: lora, rank: 33, max_length: 64"),
            "1:63: rank is 33; the largest that lora allows on bert is 32, since "
            "bert.encoder.layer.0.attention.self.query is 32 x 32");
  EXPECT_EQ(load("base: ./brt, task: ./data, adapter: lora, rank: 3").error().kind,
            ErrorKind::kNotFound);
}

TEST_F(LoadSweep, a_worker_finds_the_same_files_or_says_that_they_changed) {
  folder_.write("bert/config.json", kConfig);
  folder_.write("bert/model.safetensors", "weights");
  folder_.write("bert/tokenizer.json", "{}");
  folder_.write("data/train.csv", "sentence,label\nx,1\ny,0\n");
  const Trial trial = load("base: ./bert, task: ./data, adapter: lora, rank: 1, max_length: 64")
                          .value()
                          .plan.trials[0]
                          .trial();
  const Catalogue catalogue = Catalogue::load().value();
  EXPECT_TRUE(with_local_paths(trial, catalogue, cache_.path()).ok());
  folder_.write("data/train.csv", "sentence,label\nx,1\nchanged,0\n");
  const Result<Trial> changed = with_local_paths(trial, catalogue, cache_.path());
  EXPECT_EQ(changed.error().kind, ErrorKind::kCorrupt);
  EXPECT_NE(changed.error().message.find("is not what the sweep was planned with"),
            std::string::npos);
  Trial other = trial;
  other.base.source = "nowhere";
  EXPECT_EQ(with_local_paths(other, catalogue, cache_.path()).error().kind, ErrorKind::kNotFound);
}

TEST_F(LoadSweep, a_catalogue_task_keeps_its_reading) {
  const fs::path file = folder_.write("s.yaml",
                                      "parameters: {base: minilm-l6, adapter: lora, "
                                      "rank: 1}\ntasks: {bbc-news: {metric: f1}}\n");
  const Result<LoadedSweep> loaded =
      load_sweep({file, {}, false}, Catalogue::load().value(), cache_.path());
  EXPECT_NE(loaded.error().message.find("the task 'bbc-news' comes from the catalogue"),
            std::string::npos);
}

TEST_F(LoadSweep, the_fingerprint_is_of_all_that_a_plan_is_made_from) {
  folder_.write("base/config.json", kConfig);
  folder_.write("base/tokenizer.json", "{}");
  folder_.write("base/model.safetensors", "weights");
  folder_.write("data/train.csv", "sentence,label\nx,1\ny,0\n");
  const std::string yaml =
      "parameters: {base: {path: base}, task: {path: data, labels: [no, yes]}, adapter: lora, "
      "rank: 1}\n";
  const auto fingerprint = [&](const std::string& text, std::vector<std::string> overrides,
                               bool smoke) {
    const SweepRequest request{folder_.write("s.yaml", text), std::move(overrides), smoke};
    const Result<LoadedSweep> found = find_sweep(request, Catalogue::load().value(), cache_.path());
    EXPECT_TRUE(found.ok()) << found.error().message;
    return sweep_fingerprint(request, *found);
  };
  std::set<std::string> seen{fingerprint(yaml, {}, false)};
  EXPECT_EQ(fingerprint(yaml, {}, false), *seen.begin());
  EXPECT_TRUE(seen.insert(fingerprint(yaml + "# more\n", {}, false)).second);
  EXPECT_TRUE(seen.insert(fingerprint(yaml, {"rank=2"}, false)).second);
  EXPECT_TRUE(seen.insert(fingerprint(yaml, {}, true)).second);
  folder_.write("data/train.csv", "sentence,label\nx,1\nother,0\n");
  EXPECT_TRUE(seen.insert(fingerprint(yaml, {}, false)).second);
  folder_.write("base/model.safetensors", "other weights");
  EXPECT_TRUE(seen.insert(fingerprint(yaml, {}, false)).second);
}

TEST_F(LoadSweep, no_such_file) {
  EXPECT_EQ(load_sweep({"/nowhere.yaml", {}, false}, Catalogue::load().value(), cache_.path())
                .error()
                .kind,
            ErrorKind::kNotFound);
}

}  // namespace
}  // namespace plateau
