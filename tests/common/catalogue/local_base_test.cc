#include <gtest/gtest.h>

#include "common/base/sha256.h"
#include "common/catalogue/checksums.h"
#include "common/catalogue/local_source.h"
#include "tests/common/catalogue/temporary_folder.h"

namespace plateau {
namespace {

using testing::kConfig;
using testing::TemporaryFolder;

SourceReference at(const std::filesystem::path& path) {
  SourceReference reference;
  reference.name = "mine";
  reference.path = path;
  return reference;
}

TEST(LocalBase, architecture_and_checksum_come_from_the_folder) {
  TemporaryFolder folder, cache;
  folder.write("config.json", kConfig);
  folder.write("model.safetensors", "weights");
  folder.write("tokenizer.json", "{}");
  const BaseSource base = local_base(at(folder.path()), cache.path()).value();
  EXPECT_EQ(base.facts.hidden, 32);
  EXPECT_EQ(base.spec.sha256, sha256_hex("weights"));
  EXPECT_EQ(base.spec.source, "folder");
  EXPECT_EQ(base.spec.pooling, "mean");
}

TEST(LocalBase, what_is_missing_is_named) {
  TemporaryFolder folder, cache;
  folder.write("config.json", kConfig);
  const Result<BaseSource> base = local_base(at(folder.path()), cache.path());
  EXPECT_EQ(base.error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(base.error().message, "the base " + folder.path().string() +
                                      " has no model.safetensors; a folder in Hugging Face format "
                                      "has config.json, model.safetensors and tokenizer.json");
}

TEST(LocalBase, an_unknown_architecture_is_refused) {
  TemporaryFolder folder, cache;
  folder.write("config.json", R"({"model_type": "t5"})");
  folder.write("model.safetensors", "weights");
  folder.write("tokenizer.json", "{}");
  EXPECT_NE(local_base(at(folder.path()), cache.path()).error().message.find("model_type \"t5\""),
            std::string::npos);
}

TEST(Checksums, are_remembered_until_the_file_changes) {
  TemporaryFolder folder, cache;
  const auto file = folder.write("a", "one");
  EXPECT_EQ(cached_sha256(file, cache.path()).value(), sha256_hex("one"));
  // The note is believed: put another value into it to see that it is read.
  const auto note = *std::filesystem::directory_iterator(cache.path() / "checksums");
  std::string text;
  std::getline(std::ifstream(note.path()), text);
  text.replace(text.find(sha256_hex("one")), 64, std::string(64, '0'));
  cache.write("checksums/" + note.path().filename().string(), text);
  EXPECT_EQ(cached_sha256(file, cache.path()).value(), std::string(64, '0'));
  folder.write("a", "other");
  EXPECT_EQ(cached_sha256(file, cache.path()).value(), sha256_hex("other"));
}

TEST(Checksums, of_several_files_do_not_depend_on_the_folder) {
  TemporaryFolder one, two;
  for (const TemporaryFolder* folder : {&one, &two}) {
    folder->write("b", "2");
    folder->write("a", "1");
  }
  const auto first = sha256_of_files(one.path(), {"a", "b"}, {}).value();
  EXPECT_EQ(first, sha256_of_files(two.path(), {"b", "a"}, {}).value());
  two.write("b", "3");
  EXPECT_NE(first, sha256_of_files(two.path(), {"a", "b"}, {}).value());
  EXPECT_EQ(sha256_of_files(one.path(), {"a"}, {}).value(), sha256_hex("1"));
}

}  // namespace
}  // namespace plateau
