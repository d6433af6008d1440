#include <gtest/gtest.h>

#include "common/base/sha256.h"
#include "common/catalogue/checksums.h"
#include "common/catalogue/local_source.h"
#include "tests/common/catalogue/temporary_folder.h"
#include "tests/common/gguf/gguf_bytes.h"

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
                                      " has no tokenizer.json; a folder in Hugging Face format has "
                                      "config.json, model.safetensors (or its shards) and "
                                      "tokenizer.json. A GGUF file is a base too");
  folder.write("tokenizer.json", "{}");
  EXPECT_NE(local_base(at(folder.path()), cache.path())
                .error()
                .message.find("neither model.safetensors nor model.safetensors.index.json"),
            std::string::npos);
}

TEST(LocalBase, shards_count_with_their_index) {
  TemporaryFolder folder, cache;
  folder.write("config.json", kConfig);
  folder.write("tokenizer.json", "{}");
  const std::string index = R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})";
  folder.write("model.safetensors.index.json", index);
  folder.write("1.safetensors", "one");
  folder.write("2.safetensors", "two");
  const auto sha256 = [&] { return local_base(at(folder.path()), {}).value().spec.sha256; };
  const std::string first = sha256();
  EXPECT_EQ(first, sha256_hex(sha256_hex("one") + "  1.safetensors\n" + sha256_hex("two") +
                              "  2.safetensors\n" + sha256_hex(index) +
                              "  model.safetensors.index.json\n"));
  folder.write("2.safetensors", "TWO");
  EXPECT_NE(sha256(), first);
  std::filesystem::remove(folder.path() / "2.safetensors");
  EXPECT_EQ(local_base(at(folder.path()), {}).error().kind, ErrorKind::kNotFound);
}

// Numbers and texts of a Llama, and its embeddings alone: what a plan needs.
std::string gguf(const std::string& architecture) {
  std::string keys;
  const auto begin = [&](const std::string& key, std::uint32_t type) {
    put_text(keys, key);
    put(keys, type, 4);
  };
  begin("general.architecture", 8);
  put_text(keys, architecture);
  const std::vector<std::pair<std::string, std::uint32_t>> counts = {
      {"embedding_length", 8},        {"block_count", 3},          {"attention.head_count", 4},
      {"attention.head_count_kv", 2}, {"feed_forward_length", 12}, {"context_length", 64}};
  for (const auto& [key, value] : counts) {
    begin(architecture + "." + key, 4);
    put(keys, value, 4);
  }
  begin(architecture + ".attention.layer_norm_rms_epsilon", 6);
  put(keys, 0x3727C5AC, 4);  // 1e-5
  return gguf_bytes(counts.size() + 2, keys, {{"token_embd.weight", {8, 5}, 0, 0}},
                    std::string(160, '\0'));
}

TEST(LocalBase, a_gguf_file_is_a_base_and_so_is_a_folder_with_one) {
  TemporaryFolder folder, cache;
  const auto file = folder.write("small.gguf", gguf("llama"));
  for (const auto& path : {file, folder.path()}) {
    const BaseSource base = local_base(at(path), cache.path()).value();
    EXPECT_EQ(base.facts.model_type, "llama");
    EXPECT_EQ(base.facts.layers, 3);
    EXPECT_EQ(base.facts.key_width, 4);
    EXPECT_EQ(base.facts.vocabulary, 5);
    EXPECT_TRUE(base.facts.in_blocks);
    EXPECT_EQ(base.spec.sha256, sha256_hex(gguf("llama")));
    EXPECT_EQ(base.spec.pooling, "cls");
    EXPECT_EQ(base.spec.path, path.string());
  }
  folder.write("small.gguf", gguf("mamba"));
  EXPECT_NE(local_base(at(file), {}).error().message.find("'mamba'"), std::string::npos);
}

TEST(LocalBase, an_unknown_architecture_is_refused) {
  TemporaryFolder folder, cache;
  folder.write("config.json", R"({"model_type": "t5"})");
  folder.write("model.safetensors", "weights");
  folder.write("tokenizer.json", "{}");
  EXPECT_NE(local_base(at(folder.path()), cache.path()).error().message.find("model_type \"t5\""),
            std::string::npos);
}

TEST(LocalBase, what_the_trainer_cannot_compute_is_refused) {
  TemporaryFolder folder, cache;
  std::string config = kConfig;
  config.insert(config.find('{') + 1, R"("hidden_act": "gelu_10", )");
  folder.write("config.json", config);
  folder.write("model.safetensors", "weights");
  folder.write("tokenizer.json", "{}");
  const Error error = local_base(at(folder.path()), cache.path()).error();
  EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
  EXPECT_TRUE(error.message.starts_with((folder.path() / "config.json").string() +
                                        ": hidden_act \"gelu_10\" is not supported; supported: "))
      << error.message;
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
