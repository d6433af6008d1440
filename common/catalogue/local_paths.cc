// A trial's bases and tasks on this machine.
#include "common/catalogue/catalogue.h"
#include "common/catalogue/checksums.h"
#include "common/catalogue/local_source.h"

namespace plateau {
namespace {

Error unknown_entry(const std::string& kind, const std::string& name) {
  return not_found("the " + kind + " '" + name +
                   "' is in no catalogue of this machine; give the worker the catalogue that the "
                   "sweep was planned with (--catalogue FILE or PLATEAU_CATALOGUE)");
}

Error changed(const std::string& kind, const std::string& path) {
  return corrupt(
      "the " + kind + " " + path +
      " is not what the sweep was planned with: its SHA-256 is another one. Put the same "
      "files there, or plan the sweep again");
}

Status resolve_base(BaseSpec& base, const Catalogue& catalogue, const std::filesystem::path& cache,
                    const FetchProgress& progress) {
  if (base.source == "folder") {
    Result<std::string> sha256 = sha256_of_weights(base.path, cache);
    if (!sha256) return sha256.error();
    return *sha256 == base.sha256 ? Status() : Status(changed("base", base.path));
  }
  const CatalogueEntry* entry = catalogue.find(EntryKind::kBase, base.source);
  if (entry == nullptr) return unknown_entry("base", base.source);
  if (entry->base.spec.sha256 != base.sha256) return changed("base", base.source);
  Result<std::filesystem::path> folder = fetch(*entry, cache, progress);
  if (!folder) return folder.error();
  base.path = folder->string();
  return {};
}

Status resolve_task(TaskSpec& task, const Catalogue& catalogue, const std::filesystem::path& cache,
                    const FetchProgress& progress) {
  if (task.source == "folder") {
    SourceReference reference;
    reference.name = task.name;
    reference.path = task.path;
    reference.options["reader"] = task.reader;
    Result<std::string> sha256 = task_sha256(reference, cache);
    if (!sha256) return sha256.error();
    return *sha256 == task.sha256 ? Status() : Status(changed("task", task.path));
  }
  const CatalogueEntry* entry = catalogue.find(EntryKind::kTask, task.source);
  if (entry == nullptr) return unknown_entry("task", task.source);
  if (entry->task.spec.sha256 != task.sha256) return changed("task", task.source);
  Result<std::filesystem::path> folder = fetch(*entry, cache, progress);
  if (!folder) return folder.error();
  task.path = (*folder / entry->task.spec.path).string();
  return {};
}

}  // namespace

Result<BaseSpec> with_local_path(BaseSpec base, const Catalogue& catalogue,
                                 const std::filesystem::path& cache,
                                 const FetchProgress& progress) {
  if (Status status = resolve_base(base, catalogue, cache, progress); !status)
    return status.error();
  return base;
}

Result<Trial> with_local_paths(Trial trial, const Catalogue& catalogue,
                               const std::filesystem::path& cache, const FetchProgress& progress) {
  if (Status status = resolve_base(trial.base, catalogue, cache, progress); !status) {
    return status.error();
  }
  if (Status status = resolve_task(trial.task, catalogue, cache, progress); !status) {
    return status.error();
  }
  return trial;
}

}  // namespace plateau
