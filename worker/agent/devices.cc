#include "worker/agent/devices.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/text.h"

namespace plateau::agent {
namespace {

// The text after "NAME :" in files like /proc/cpuinfo; empty when there is none.
std::string field_of(const std::string& path, const std::string& name) {
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || trim(line.substr(0, colon)) != name) continue;
    return std::string(trim(line.substr(colon + 1)));
  }
  return "";
}

std::string output_of(const char* command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command, "re"), ::pclose);
  if (!pipe) return "";
  std::string output;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    output.append(buffer.data(), got);
  return output;
}

// Without nvidia-smi: the driver's own folder, one entry a GPU, named by PCI address.
std::vector<Device> devices_of_driver(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> entries;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());  // PCI order, as CUDA_DEVICE_ORDER asks for.
  std::vector<Device> devices;
  for (const auto& entry : entries) {
    const std::string information = (entry / "information").string();
    const std::string index = std::to_string(devices.size());
    devices.push_back({"cuda:" + index, field_of(information, "Model"), 0, index,
                       field_of(information, "GPU UUID")});
  }
  return devices;
}

std::optional<std::size_t> index_of(const std::vector<Device>& all, const std::string& name) {
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool by_index = name == std::to_string(i);
    const bool by_uuid = name.size() >= 8 && all[i].unique_id.rfind(name, 0) == 0;
    if (by_index || by_uuid) return i;
  }
  return std::nullopt;
}

Result<std::filesystem::path> runtime_folder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::filesystem::path folder =
      runtime != nullptr && *runtime != '\0'
          ? std::filesystem::path(runtime) / "plateau"
          : std::filesystem::path("/tmp/plateau-" + std::to_string(::getuid()));
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return io_error("Making the folder " + folder.string() + " for the locks of GPUs failed: " +
                    std::strerror(errno) + ". Set XDG_RUNTIME_DIR to a folder of yours.");
  }
  struct stat info {};
  if (::lstat(folder.c_str(), &info) != 0 || info.st_uid != ::getuid() || !S_ISDIR(info.st_mode)) {
    return io_error("The folder " + folder.string() +
                    " is not yours; set XDG_RUNTIME_DIR to a folder of yours.");
  }
  return folder;
}

}  // namespace

int cpu_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(CPU_COUNT(&set), 1);
}

Device cpu_device() {
  const std::string model = field_of("/proc/cpuinfo", "model name");
  const int threads = cpu_threads();
  const std::int64_t memory_bytes =
      static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  return {"cpu",
          (model.empty() ? std::string("CPU") : model) + ", " + std::to_string(threads) +
              (threads == 1 ? " thread" : " threads"),
          memory_bytes, "", "cpu"};
}

std::vector<Device> parse_nvidia_smi(const std::string& csv) {
  std::vector<Device> devices;
  for (const std::string& line : split(csv, '\n')) {
    const std::vector<std::string> fields = split(line, ',');
    if (fields.size() != 4) continue;
    const std::string index(trim(fields[0]));
    const std::string uuid(trim(fields[1]));
    if (index.empty() || uuid.rfind("GPU-", 0) != 0) continue;
    const std::int64_t mebibytes = std::strtoll(std::string(trim(fields[3])).c_str(), nullptr, 10);
    devices.push_back(
        {"cuda:" + index, std::string(trim(fields[2])), mebibytes << 20, index, uuid});
  }
  return devices;
}

std::vector<Device> visible_devices(const std::vector<Device>& all, const std::string& visible) {
  std::vector<Device> devices;
  for (const std::string& entry : split(visible, ',')) {
    const std::string name(trim(entry));
    const std::optional<std::size_t> index = index_of(all, name);
    if (!index) break;
    devices.push_back(all[*index]);
    devices.back().name = "cuda:" + std::to_string(devices.size() - 1);
    devices.back().visible_as = name;
  }
  return devices;
}

std::vector<Device> cuda_devices() {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (visible != nullptr && *visible == '\0') return {};
  std::vector<Device> all = parse_nvidia_smi(
      output_of("nvidia-smi --query-gpu=index,uuid,name,memory.total --format=csv,noheader,nounits "
                "2>/dev/null"));
  if (all.empty()) all = devices_of_driver("/proc/driver/nvidia/gpus");
  return visible == nullptr ? all : visible_devices(all, visible);
}

Result<std::vector<Device>> choose_devices(const std::string& wanted,
                                           const std::vector<Device>& cuda) {
  if (wanted == "cpu") return std::vector<Device>{cpu_device()};
  if (wanted == "auto") return cuda.empty() ? std::vector<Device>{cpu_device()} : cuda;
  std::vector<std::string> known{"auto", "cpu"};
  if (!cuda.empty()) known.push_back("cuda");
  for (const Device& device : cuda)
    known.push_back(device.name);
  const auto unknown = [&](const std::string& name) {
    return invalid_argument("--devices " + wanted + ": there is no '" + name +
                            "' here; this node has " + join(known, ", ") + ".");
  };
  if (wanted == "cuda") {
    if (cuda.empty()) return unknown("cuda");
    return cuda;
  }
  std::vector<Device> chosen;
  for (const std::string& entry : split(wanted, ',')) {
    const std::string name(trim(entry));
    const auto named = [&](const Device& device) { return device.name == name; };
    const auto found = std::find_if(cuda.begin(), cuda.end(), named);
    if (found == cuda.end()) return unknown(name);
    if (std::any_of(chosen.begin(), chosen.end(), named)) {
      return invalid_argument("--devices " + wanted + " names " + name + " twice.");
    }
    chosen.push_back(*found);
  }
  return chosen;
}

Result<std::vector<FileLock>> lock_devices(const std::vector<Device>& devices) {
  std::vector<FileLock> locks;
  for (const Device& device : devices) {
    if (device.visible_as.empty()) continue;
    const Result<std::filesystem::path> folder = runtime_folder();
    if (!folder) return folder.error();
    const std::string id = device.unique_id.empty() ? device.name : device.unique_id;
    Result<FileLock> lock = FileLock::acquire(
        *folder / (id + ".lock"), "the device " + device.name + " (" + device.description + ")");
    if (!lock) return lock.error();
    locks.push_back(std::move(*lock));
  }
  return locks;
}

}  // namespace plateau::agent
