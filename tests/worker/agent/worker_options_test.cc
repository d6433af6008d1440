#include "worker/agent/worker_options.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "worker/agent/devices.h"

namespace plateau::agent {
namespace {

TEST(Durations, are_read_with_units) {
  EXPECT_EQ(*parse_duration("90"), 90'000);
  EXPECT_EQ(*parse_duration("90s"), 90'000);
  EXPECT_EQ(*parse_duration("15m"), 900'000);
  EXPECT_EQ(*parse_duration("1h30m"), 5'400'000);
  EXPECT_EQ(*parse_duration("1d"), 86'400'000);
}

TEST(Durations, nonsense_is_refused_with_an_example) {
  for (const char* text : {"", "h", "5x", "-3s", "1.5h", "0s", "99999999999999s"}) {
    const Result<DurationMs> duration = parse_duration(text);
    ASSERT_FALSE(duration.ok()) << text;
    EXPECT_NE(duration.error().message.find("1h30m"), std::string::npos);
  }
}

std::variant<WorkerOptions, PrintAndEnd> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "plateau-worker");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

TEST(WorkerOptions, are_read) {
  const auto parsed = parse({"--connect", "tcp://h:1", "--devices", "cpu", "--pack", "2", "--until",
                             "2h", "--grace", "5s", "--folder", "/x"});
  const auto& options = std::get<WorkerOptions>(parsed);
  EXPECT_EQ(options.connect, "tcp://h:1");
  EXPECT_EQ(options.pack, 2);
  EXPECT_EQ(options.until_ms, 7'200'000);
  EXPECT_EQ(options.grace_ms, 5'000);
}

// A batch job's script names the file where the scheduler's environment carries it.
TEST(WorkerOptions, the_key_file_comes_from_the_command_line_or_the_environment) {
  ASSERT_EQ(setenv("PLATEAU_KEY_FILE", "/env.key", 1), 0);
  EXPECT_EQ(std::get<WorkerOptions>(parse({"--connect", "tcp://h:1"})).key, "/env.key");
  EXPECT_EQ(std::get<WorkerOptions>(parse({"--connect", "tcp://h:1", "--key", "/a.key"})).key,
            "/a.key");
  ASSERT_EQ(unsetenv("PLATEAU_KEY_FILE"), 0);
  EXPECT_EQ(std::get<WorkerOptions>(parse({"--connect", "tcp://h:1"})).key, "");
}

TEST(WorkerOptions, mistakes_end_with_2_and_help_with_0) {
  EXPECT_EQ(std::get<PrintAndEnd>(parse({})).exit_code, 2);
  EXPECT_EQ(std::get<PrintAndEnd>(parse({"--connect", "x", "--pack", "0"})).exit_code, 2);
  EXPECT_EQ(std::get<PrintAndEnd>(parse({"--connect", "x", "--grace", "soon"})).exit_code, 2);
  const auto help = std::get<PrintAndEnd>(parse({"--help"}));
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.text.find("Exit codes"), std::string::npos);
}

// ---- devices ------------------------------------------------------------------------------------

const char kSmi[] =
    "0, GPU-11111111-aaaa, NVIDIA H200, 143771\n"
    "1, GPU-22222222-bbbb, NVIDIA H200, 143771\n";

TEST(Devices, nvidia_smi_is_read) {
  const auto devices = parse_nvidia_smi(kSmi);
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_EQ(devices[1].name, "cuda:1");
  EXPECT_EQ(devices[1].description, "NVIDIA H200");
  EXPECT_EQ(devices[1].memory_bytes, std::int64_t{143771} << 20);
  EXPECT_EQ(devices[1].unique_id, "GPU-22222222-bbbb");
  EXPECT_TRUE(parse_nvidia_smi("NVIDIA-SMI has failed because it couldn't communicate").empty());
  EXPECT_TRUE(parse_nvidia_smi("").empty());
}

TEST(Devices, cuda_visible_devices_is_respected_as_cuda_does) {
  const auto all = parse_nvidia_smi(kSmi);
  const auto swapped = visible_devices(all, "1,0");
  ASSERT_EQ(swapped.size(), 2u);
  EXPECT_EQ(swapped[0].name, "cuda:0");
  EXPECT_EQ(swapped[0].visible_as, "1");
  EXPECT_EQ(swapped[0].unique_id, "GPU-22222222-bbbb");
  EXPECT_EQ(visible_devices(all, "GPU-22222222").size(), 1u);
  EXPECT_EQ(visible_devices(all, "0,-1,1").size(), 1u);
  EXPECT_TRUE(visible_devices(all, "").empty());
}

TEST(Devices, are_chosen_by_name) {
  const auto cuda = parse_nvidia_smi(kSmi);
  EXPECT_EQ(choose_devices("auto", cuda)->size(), 2u);
  EXPECT_EQ(choose_devices("auto", {})->front().name, "cpu");
  EXPECT_EQ(choose_devices("cpu", cuda)->front().name, "cpu");
  EXPECT_EQ(choose_devices("cuda:1", cuda)->front().name, "cuda:1");
  const auto none = choose_devices("cuda:2", cuda);
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().message.find("auto, cpu, cuda, cuda:0, cuda:1"), std::string::npos);
  EXPECT_FALSE(choose_devices("cuda", {}).ok());
  EXPECT_FALSE(choose_devices("cuda:0,cuda:0", cuda).ok());
}

TEST(Devices, two_owners_of_a_gpu_are_refused) {
  const std::string folder = testing::TempDir();
  ::setenv("XDG_RUNTIME_DIR", folder.c_str(), 1);
  const auto cuda = parse_nvidia_smi(kSmi);
  const auto first = lock_devices({cuda[0]});
  ASSERT_TRUE(first.ok());
  const auto second = lock_devices({cuda[0]});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kBusy);
  EXPECT_NE(second.error().message.find("cuda:0"), std::string::npos);
  EXPECT_TRUE(lock_devices({cuda[1]}).ok());
  EXPECT_TRUE(lock_devices({cpu_device()}).ok());
  EXPECT_TRUE(lock_devices({cpu_device()}).ok());
}

}  // namespace
}  // namespace plateau::agent
