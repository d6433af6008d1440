#include "common/catalogue/checksums.h"

#include <algorithm>
#include <set>
#include <system_error>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/gguf/gguf.h"

namespace plateau {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

Json state_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) return nullptr;
  const auto time = fs::last_write_time(file, error);
  if (error) return nullptr;
  return {{"path", file.string()},
          {"size_bytes", size},
          {"changed", static_cast<std::int64_t>(time.time_since_epoch().count())}};
}

}  // namespace

Result<std::string> cached_sha256(const fs::path& file, const fs::path& cache) {
  if (cache.empty()) return sha256_of_file(file);
  std::error_code error;
  const fs::path absolute = fs::absolute(file, error).lexically_normal();
  const Json state = state_of(absolute);
  if (state.is_null()) return sha256_of_file(file);  // It names the cause.
  const fs::path note =
      cache / "checksums" / (sha256_hex(absolute.string()).substr(0, 32) + ".json");
  if (const Result<std::string> text = read_file(note)) {
    Json known = Json::parse(text.value(), nullptr, false);
    if (known.is_object() && known.contains("sha256") && known["sha256"].is_string()) {
      const auto sha256 = known["sha256"].get<std::string>();
      known.erase("sha256");
      if (known == state) return sha256;
    }
  }
  Result<std::string> sha256 = sha256_of_file(absolute);
  if (!sha256) return sha256;
  Json remembered = state;
  remembered["sha256"] = *sha256;
  if (make_folder(note.parent_path())) {
    const Status unused = write_file_atomically(note, remembered.dump());
    static_cast<void>(unused);
  }
  return sha256;
}

Result<std::string> sha256_of_weights(const fs::path& base, const fs::path& cache) {
  if (const auto gguf = gguf_of_base(base)) return cached_sha256(*gguf, cache);
  constexpr char kWhole[] = "model.safetensors", kIndex[] = "model.safetensors.index.json";
  std::error_code error;
  if (fs::exists(base / kWhole, error)) return cached_sha256(base / kWhole, cache);
  Result<std::string> text = read_file(base / kIndex);
  if (!text) {
    return not_found("the base " + base.string() + " has neither " + kWhole + " nor " + kIndex +
                     " nor exactly one .gguf file");
  }
  const Json index = Json::parse(*text, nullptr, false);
  const Json map = index.is_object() ? index.value("weight_map", Json()) : Json();
  if (!map.is_object()) return corrupt((base / kIndex).string() + " has no object \"weight_map\"");
  std::set<std::string> names = {kIndex};
  for (const Json& shard : map) {
    if (!shard.is_string()) return corrupt((base / kIndex).string() + " names no files");
    names.insert(shard.get<std::string>());
  }
  return sha256_of_files(base, {names.begin(), names.end()}, cache);
}

Result<std::string> sha256_of_files(const fs::path& folder, std::vector<std::string> names,
                                    const fs::path& cache) {
  std::sort(names.begin(), names.end());
  std::string lines;
  for (const std::string& name : names) {
    Result<std::string> sha256 = cached_sha256(folder / name, cache);
    if (!sha256 || names.size() == 1) return sha256;
    lines += *sha256 + "  " + name + "\n";
  }
  return sha256_hex(lines);
}

Result<std::vector<std::string>> files_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file()) names.push_back(it->path().lexically_relative(folder).string());
  }
  if (error) return io_error("cannot list " + folder.string() + ": " + error.message());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace plateau
