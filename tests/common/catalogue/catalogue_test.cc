#include "common/catalogue/catalogue.h"

#include <gtest/gtest.h>

#include "common/spec/base_tensors.h"
#include "tests/common/catalogue/temporary_folder.h"

namespace plateau {
namespace {

using testing::TemporaryFolder;
using Json = nlohmann::json;

const std::string kHash(64, 'a');

Json own_task() {
  return {
      {"source",
       {{"package", "p"}, {"version", "1"}, {"wheel", "p-1-py3-none-any.whl"}, {"sha256", kHash}}},
      {"files", Json::array({{{"member", "p/a.csv"}, {"name", "a.csv"}, {"sha256", kHash}}})},
      {"path", "a.csv"},
      {"reader", "csv"},
      {"labels", {"x", "y"}}};
}

Result<Catalogue> load(const Json& json) {
  TemporaryFolder folder;
  return Catalogue::load(folder.write("own.json", json.dump()));
}

Json with_task(const Json& task) {
  return {{"format", "plateau-catalogue/1"}, {"tasks", {{"mine", task}}}};
}

TEST(Catalogue, what_is_built_in) {
  const Catalogue catalogue = Catalogue::load().value();
  EXPECT_EQ(catalogue.names(EntryKind::kBase),
            (std::vector<std::string>{"minilm-l6", "smollm2-135m"}));
  EXPECT_EQ(catalogue.names(EntryKind::kTask),
            (std::vector<std::string>{"bbc-news", "tweets-sentiment"}));
  const CatalogueEntry* base = catalogue.find(EntryKind::kBase, "minilm-l6");
  EXPECT_EQ(base->base.facts.layers, 6);
  EXPECT_EQ(base->base.spec.pooling, "mean");
  EXPECT_FALSE(base->base.facts.in_blocks);
  EXPECT_EQ(catalogue.find(EntryKind::kTask, "minilm-l6"), nullptr);
  const CatalogueEntry* smollm = catalogue.find(EntryKind::kBase, "smollm2-135m");
  EXPECT_EQ(smollm->base.facts.model_type, "llama");
  EXPECT_EQ(smollm->base.facts.key_width, 192);
  EXPECT_TRUE(smollm->base.facts.in_blocks);
  EXPECT_EQ(smollm->base.spec.sha256, smollm->files.front().sha256);
  // As Hugging Face's model counts them.
  std::int64_t parameters = 0;
  for (const BaseTensor& tensor : base_tensors(smollm->base.facts, "cls"))
    parameters += tensor.elements;
  EXPECT_EQ(parameters, 134515008);
  for (const char* name : {"bbc-news", "tweets-sentiment"}) {
    const CatalogueEntry* task = catalogue.find(EntryKind::kTask, name);
    EXPECT_FALSE(task->licence.empty());
    EXPECT_FALSE(task->notes.empty());
    EXPECT_GE(task->task.spec.labels.size(), 3u);
    EXPECT_EQ(task->task.spec.sha256.size(), 64u);
  }
}

TEST(Catalogue, ones_own_adds_and_replaces) {
  Json json = with_task(own_task());
  json["tasks"]["bbc-news"] = own_task();
  const Catalogue catalogue = load(json).value();
  EXPECT_EQ(catalogue.names(EntryKind::kTask).size(), 3u);
  EXPECT_EQ(catalogue.find(EntryKind::kTask, "bbc-news")->task.spec.reader, "csv");
}

TEST(Catalogue, mistakes_name_the_entry) {
  Json unknown = own_task();
  unknown["lables"] = 3;
  EXPECT_NE(load(with_task(unknown))
                .error()
                .message.find("tasks.mine has an unknown key 'lables'. Did you mean 'labels'?"),
            std::string::npos);
  Json outside = own_task();
  outside["files"][0]["name"] = "../../a.csv";
  EXPECT_NE(load(with_task(outside)).error().message.find("without a plain name"),
            std::string::npos);
  Json no_hash = own_task();
  no_hash["source"]["sha256"] = "abc";
  EXPECT_NE(load(with_task(no_hash)).error().message.find("is no SHA-256"), std::string::npos);
  Json no_labels = own_task();
  no_labels.erase("labels");
  EXPECT_NE(load(with_task(no_labels)).error().message.find("tasks.mine: "), std::string::npos);
  EXPECT_EQ(load({{"format", "plateau-catalogue/2"}}).error().kind, ErrorKind::kVersion);
  EXPECT_EQ(Catalogue::load("/nowhere/x.json").error().kind, ErrorKind::kNotFound);
}

TEST(Catalogue, the_cache_is_where_the_environment_says) {
  const auto restore = [](const char* name, const char* value) {
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  };
  const char* cache = std::getenv("PLATEAU_CACHE");
  const std::string kept = cache == nullptr ? "" : cache;
  ::setenv("PLATEAU_CACHE", "/somewhere", 1);
  EXPECT_EQ(cache_folder(), "/somewhere");
  ::unsetenv("PLATEAU_CACHE");
  ::setenv("XDG_CACHE_HOME", "/shared", 1);
  EXPECT_EQ(cache_folder(), "/shared/plateau");
  ::unsetenv("XDG_CACHE_HOME");
  EXPECT_EQ(cache_folder(), std::filesystem::path(std::getenv("HOME")) / ".cache/plateau");
  restore("PLATEAU_CACHE", cache == nullptr ? nullptr : kept.c_str());
}

}  // namespace
}  // namespace plateau
