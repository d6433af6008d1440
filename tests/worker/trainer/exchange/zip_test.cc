// Stored zip archives; that torch reads them and that its own are read is in tests/reference.
#include "worker/trainer/exchange/zip.h"

#include <random>

#include <gtest/gtest.h>

namespace plateau::trainer {
namespace {

std::string sound_archive() {
  const auto archive =
      write_stored_zip({{"a/data.pkl", "something"}, {"a/data/0", ""}, {"b", "1"}});
  return archive ? *archive : "";
}

TEST(StoredZip, gives_back_its_entries_aligned) {
  const std::string archive = sound_archive();
  const auto entries = read_stored_zip(archive);
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ(entries->at("a/data.pkl"), "something");
  EXPECT_EQ(entries->at("a/data/0"), "");
  for (const auto& [name, bytes] : *entries)
    EXPECT_EQ((bytes.data() - archive.data()) % 64, 0) << name;
}

TEST(StoredZip, refuses_damage) {
  const std::string sound = sound_archive();
  std::string changed = sound;
  changed[changed.find("something")] ^= 1;
  const auto read = read_stored_zip(changed);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("checksum"), std::string::npos);
  const auto twice = write_stored_zip({{"a", "1"}, {"a", "1"}});
  ASSERT_TRUE(twice);
  EXPECT_FALSE(read_stored_zip(*twice));
  for (std::size_t size = 0; size < sound.size(); ++size)
    EXPECT_FALSE(read_stored_zip(std::string_view(sound).substr(0, size)));
}

TEST(StoredZip, changed_bytes_never_lead_outside) {
  const std::string sound = sound_archive();
  std::mt19937_64 random(9);
  for (int round = 0; round < 50000; ++round) {
    std::string bytes = sound;
    for (std::uint64_t changes = 1 + random() % 3; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<char>(random() % 3 == 0 ? 255 : random() % 256);
    const auto entries = read_stored_zip(bytes);
    if (!entries) continue;
    for (const auto& [name, view] : *entries) {
      EXPECT_GE(view.data(), bytes.data());
      EXPECT_LE(view.data() + view.size(), bytes.data() + bytes.size());
    }
  }
}

}  // namespace
}  // namespace plateau::trainer
