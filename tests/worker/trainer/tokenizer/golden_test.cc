// Every line of the reference's tokens: the same ids, the same decoded text.
#include <cstdlib>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "worker/trainer/tokenizer/tokenizer.h"

namespace plateau::trainer {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The folder of the reference data: $PLATEAU_SHARED, or ../shared beside the source tree.
fs::path golden_folder() {
  if (const char* const shared = std::getenv("PLATEAU_SHARED")) return fs::path(shared) / "golden";
  const char* const source = std::getenv("PLATEAU_SOURCE_DIR");
  return fs::path(source != nullptr ? source : ".") / ".." / "shared" / "golden";
}

fs::path cache_folder() {
  if (const char* const cache = std::getenv("PLATEAU_CACHE")) return cache;
  if (const char* const cache = std::getenv("XDG_CACHE_HOME")) return fs::path(cache) / "plateau";
  const char* const home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : ".") / ".cache" / "plateau";
}

bool holds_tokenizer(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) return true;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".gguf") return true;
  }
  return false;
}

// The model's folder; the catalogue's cache puts digits of a checksum behind a base's name.
fs::path model_folder(const std::string& name, bool is_real) {
  if (!is_real) return golden_folder() / "models" / name;
  std::error_code error;
  for (fs::directory_iterator entry(cache_folder() / "bases", error), end; !error && entry != end;
       entry.increment(error)) {
    const bool is_named = entry->path().filename().string().starts_with(name);
    if (is_named && holds_tokenizer(entry->path())) return entry->path();
  }
  return cache_folder() / "bases" / name;
}

struct Case {
  const char* lines;             // in golden/tokenizer
  const char* model;             // in golden/models, or in the catalogue's cache
  bool is_real;                  // a real base: from the cache
  std::size_t count;             // lines, so that an empty file is no success
  bool decodes_special = false;  // special tokens are in "decoded"
};

void PrintTo(const Case& golden, std::ostream* out) {
  *out << golden.lines;
}

class Golden : public testing::TestWithParam<Case> {};

void expect_line(const Tokenizer& tokenizer, const json& line, bool decodes_special) {
  Encoding encoding;
  if (line.contains("a")) {
    encoding = tokenizer.encode(line["a"].get<std::string>(), line["b"].get<std::string>(), {});
    EXPECT_EQ(encoding.type_ids, line["type_ids"].get<std::vector<std::int32_t>>());
  } else {
    const auto text = line["text"].get<std::string>();
    encoding = tokenizer.encode(text, {});
    if (line.contains("ids_no_special")) {
      EXPECT_EQ(tokenizer.encode(text, {.add_special_tokens = false, .max_length = 0}).ids,
                line["ids_no_special"].get<std::vector<std::int32_t>>());
    }
  }
  EXPECT_EQ(encoding.ids, line["ids"].get<std::vector<std::int32_t>>());
  if (line.contains("decoded")) {
    EXPECT_EQ(tokenizer.decode(encoding.ids, !decodes_special), line["decoded"].get<std::string>());
  }
}

TEST_P(Golden, EveryLineGivesTheReferencesIds) {
  const fs::path lines_path = golden_folder() / "tokenizer" / GetParam().lines;
  if (!fs::exists(lines_path)) {
    GTEST_SKIP() << "skipped: the reference lines are not at " << lines_path
                 << " (set PLATEAU_SHARED to the folder that holds golden/)";
  }
  const fs::path model = model_folder(GetParam().model, GetParam().is_real);
  if (!holds_tokenizer(model)) {
    GTEST_SKIP() << "skipped: there is no tokenizer.json and no .gguf in " << model
                 << " (a run of sweeps/quickstart.yaml fetches the base)";
  }
  const Result<Tokenizer> tokenizer = Tokenizer::from_folder(model);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  std::ifstream lines(lines_path);
  std::size_t count = 0;
  for (std::string text; std::getline(lines, text); ++count) {
    SCOPED_TRACE(text);
    expect_line(*tokenizer, json::parse(text), GetParam().decodes_special);
  }
  EXPECT_EQ(count, GetParam().count);
}

INSTANTIATE_TEST_SUITE_P(Models, Golden,
                         testing::Values(Case{"minilm.jsonl", "minilm-l6", true, 192},
                                         Case{"minilm_pairs.jsonl", "minilm-l6", true, 16},
                                         Case{"tiny-bert.jsonl", "tiny-bert", false, 96},
                                         Case{"tiny-gpt2.jsonl", "tiny-gpt2", false, 96},
                                         Case{"tiny-roberta.jsonl", "tiny-roberta", false, 96},
                                         Case{"tiny-llama.jsonl", "tiny-llama", false, 96},
                                         Case{"smollm2.jsonl", "smollm2", true, 192, true}));

}  // namespace
}  // namespace plateau::trainer
