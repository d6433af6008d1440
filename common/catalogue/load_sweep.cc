#include "common/catalogue/load_sweep.h"

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/text.h"
#include "common/catalogue/local_source.h"
#include "common/spec/yaml/read_sweep.h"

namespace plateau {
namespace {

namespace fs = std::filesystem;

// The names that the sweep's values use, with the place of the first use.
std::map<std::string, Place> used_names(const Sweep& sweep, const std::string& kind) {
  std::map<std::string, Place> names;
  for (const SweepParameter& parameter : sweep.parameters) {
    if (parameter.name != kind) continue;
    for (const SweepValue& value : parameter.values)
      names.emplace(value.value.get<std::string>(), value.place);
  }
  return names;
}

Problem unknown_source(const std::string& kind, const std::string& name, const Place& place,
                       const std::vector<std::string>& known, const fs::path& tasks_folder) {
  std::string message = "unknown " + kind + " '" + name + "'." + did_you_mean(name, known) +
                        " Known: " + join(known, ", ") + "; or a path, such as ./" + name;
  if (!tasks_folder.empty()) message += " (" + tasks_folder.string() + " has none of that name)";
  return {place, message};
}

class SourceFinder {
 public:
  SourceFinder(const Sweep& sweep, const Catalogue& catalogue, const fs::path& cache)
      : sweep_(sweep), catalogue_(catalogue), cache_(cache) {}

  // False: there are problems(), of this kind when it is one.
  bool run() {
    for (const auto& [name, place] : used_names(sweep_, "base"))
      find_base(name, place);
    for (const auto& [name, place] : used_names(sweep_, "task"))
      find_task(name, place);
    return problems_.empty();
  }
  const Sources& sources() const { return sources_; }
  const std::vector<Problem>& problems() const { return problems_; }
  ErrorKind kind() const { return kind_; }

 private:
  void failed(const Place& place, const Error& error) {
    kind_ = error.kind;
    problems_.push_back({place, error.message});
  }

  void find_base(const std::string& name, const Place& place) {
    const auto reference = sweep_.bases.find(name);
    if (reference != sweep_.bases.end() && !reference->second.path.empty()) {
      Result<BaseSource> base = local_base(reference->second, cache_);
      if (!base) return failed(place, base.error());
      sources_.bases[name] = *base;
      return;
    }
    const CatalogueEntry* entry = catalogue_.find(EntryKind::kBase, name);
    if (entry == nullptr) {
      problems_.push_back(
          unknown_source("base", name, place, catalogue_.names(EntryKind::kBase), {}));
      return;
    }
    BaseSource base = entry->base;
    if (is_cached(*entry, cache_)) base.spec.path = cached_path(*entry, cache_).string();
    sources_.bases[name] = base;
  }

  void find_task(const std::string& name, const Place& place) {
    SourceReference reference;
    const auto known = sweep_.tasks.find(name);
    if (known != sweep_.tasks.end()) reference = known->second;
    reference.name = name;
    std::error_code error;
    if (reference.path.empty() && !sweep_.tasks_folder.empty() &&
        fs::is_directory(sweep_.tasks_folder / name, error)) {
      reference.path = sweep_.tasks_folder / name;
    }
    if (!reference.path.empty()) {
      Result<TaskSource> task = local_task(reference, cache_);
      if (!task) return failed(place, task.error());
      sources_.tasks[name] = *task;
      return;
    }
    const CatalogueEntry* entry = catalogue_.find(EntryKind::kTask, name);
    if (entry == nullptr) {
      problems_.push_back(unknown_source("task", name, place, catalogue_.names(EntryKind::kTask),
                                         sweep_.tasks_folder));
      return;
    }
    if (!reference.options.empty()) {
      problems_.push_back({reference.place, "the task '" + name +
                                                "' comes from the catalogue, which says how it is "
                                                "read; labels, columns and metric are for local "
                                                "tasks with a `path`"});
      return;
    }
    TaskSource task = entry->task;
    task.spec.path = is_cached(*entry, cache_)
                         ? (cached_path(*entry, cache_) / entry->task.spec.path).string()
                         : "";
    sources_.tasks[name] = task;
  }

  const Sweep& sweep_;
  const Catalogue& catalogue_;
  const fs::path& cache_;
  Sources sources_;
  std::vector<Problem> problems_;
  ErrorKind kind_ = ErrorKind::kInvalidArgument;
};

// Where "report.tables[0].show: ..." stands, or what holds it; a section that the file lacks is at
// no line.
Place report_place(const Sweep& sweep, const std::string& file, const std::string& message) {
  std::string path = message.substr(0, message.find(": "));
  while (!path.empty()) {
    const auto found = sweep.report_places.find(path);
    if (found != sweep.report_places.end()) return found->second;
    const std::size_t end = path.find_last_of(".[");
    path.erase(end == std::string::npos ? 0 : end);
  }
  return {file, 0, 0};
}

}  // namespace

Result<LoadedSweep> find_sweep(const SweepRequest& request, const Catalogue& catalogue,
                               const fs::path& cache) {
  LoadedSweep loaded;
  Result<std::string> text = read_file(request.file);
  if (!text) return text.error();
  loaded.yaml = *text;
  std::error_code error;
  const fs::path folder = fs::absolute(request.file, error).parent_path();
  SweepReading reading = read_as_far_as_possible(
      {*text, request.file.string(), folder, request.overrides, fs::current_path(error)});
  std::vector<Problem>& problems = reading.problems;
  loaded.sweep = request.smoke ? smoke(std::move(reading.sweep)) : std::move(reading.sweep);
  SourceFinder finder(loaded.sweep, catalogue, cache);
  const bool found = finder.run();
  problems.insert(problems.end(), finder.problems().begin(), finder.problems().end());
  loaded.sources = finder.sources();
  const Status report = request.check_report ? request.check_report(loaded.sweep.report) : Status();
  if (report && problems.empty()) return loaded;
  // Something is wrong: then all that is wrong, as far as it can be told.
  if (found && reading.can_be_expanded) (void)expand(loaded.sweep, loaded.sources, problems);
  const bool only_source = problems.size() == 1 && !found;
  if (!report) {
    problems.push_back({report_place(loaded.sweep, request.file.string(), report.error().message),
                        report.error().message});
  }
  Error all = problems_error(std::move(problems));
  if (only_source && report) all.kind = finder.kind();
  return all;
}

Status plan_sweep(LoadedSweep& found) {
  Result<SweepPlan> plan = expand(found.sweep, found.sources);
  if (!plan) return plan.error();
  found.plan = std::move(*plan);
  return {};
}

Result<LoadedSweep> load_sweep(const SweepRequest& request, const Catalogue& catalogue,
                               const fs::path& cache) {
  Result<LoadedSweep> loaded = find_sweep(request, catalogue, cache);
  if (!loaded) return loaded;
  if (Status planned = plan_sweep(*loaded); !planned) return planned.error();
  return loaded;
}

std::string sweep_fingerprint(const SweepRequest& request, const LoadedSweep& found) {
  std::error_code error;
  nlohmann::json parts = {found.yaml, fs::absolute(request.file, error).parent_path().string(),
                          fs::current_path(error).string(), request.overrides, request.smoke};
  // Everything that a trial says of them, in a trial's own form.
  for (const auto& [name, base] : found.sources.bases) {
    Trial trial;
    trial.base = base.spec;
    parts.push_back({name, to_json(trial)});
  }
  for (const auto& [name, task] : found.sources.tasks) {
    Trial trial;
    trial.task = task.spec;
    parts.push_back({name, to_json(trial), task.mean_tokens, task.train_rows});
  }
  return sha256_hex(parts.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace plateau
