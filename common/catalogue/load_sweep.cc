#include "common/catalogue/load_sweep.h"

#include <algorithm>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/text.h"
#include "common/catalogue/local_source.h"
#include "common/spec/task_kinds.h"
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

  // Where a name is unknown and the nearest is not, sources() has what that stands for, so that the
  // rest of the sweep is still looked at.
  void run() {
    for (const auto& [name, place] : used_names(sweep_, "base"))
      find_base(name, place);
    for (const auto& [name, place] : used_names(sweep_, "task"))
      find_task(name, place);
  }
  bool is_complete() const { return is_complete_; }
  const Sources& sources() const { return sources_; }
  const std::vector<Problem>& problems() const { return problems_; }
  ErrorKind kind() const { return kind_; }

 private:
  void failed(const Place& place, const Error& error) {
    kind_ = error.kind;
    is_complete_ = false;
    problems_.push_back({place, error.message});
  }

  // What the catalogue has of the nearest name, after a problem; nullptr: nothing is near.
  const CatalogueEntry* meant(EntryKind kind, const std::string& name, const Place& place,
                              const fs::path& tasks_folder) {
    const std::vector<std::string> known = catalogue_.names(kind);
    problems_.push_back(unknown_source(kind == EntryKind::kBase ? "base" : "task", name, place,
                                       known, tasks_folder));
    const std::optional<std::string> near = nearest(name, known);
    is_complete_ = is_complete_ && near.has_value();
    return near ? catalogue_.find(kind, *near) : nullptr;
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
    if (entry == nullptr) entry = meant(EntryKind::kBase, name, place, {});
    if (entry == nullptr) return;
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
    if (entry == nullptr) entry = meant(EntryKind::kTask, name, place, sweep_.tasks_folder);
    if (entry == nullptr) return;
    if (!reference.options.empty()) {
      problems_.push_back({reference.place, "the task '" + name +
                                                "' comes from the catalogue, which says how it is "
                                                "read; labels, columns and metric are for local "
                                                "tasks with a `path`"});
      is_complete_ = false;
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
  bool is_complete_ = true;
  ErrorKind kind_ = ErrorKind::kInvalidArgument;
};

// The names of tasks or bases that conditions and sections may mean.
class SourceNames {
 public:
  SourceNames(const Sweep& sweep, const Catalogue& catalogue, std::string kind)
      : kind_(std::move(kind)),
        noted_(kind_ == "base" ? sweep.bases : sweep.tasks),
        used_(used_names(sweep, kind_)),
        known_(catalogue.names(kind_ == "base" ? EntryKind::kBase : EntryKind::kTask)) {
    for (const auto& [name, reference] : noted_) {
      const bool is_new = std::find(known_.begin(), known_.end(), name) == known_.end();
      if (is_new && (used_.count(name) != 0 || !reference.path.empty())) known_.push_back(name);
    }
    // Any name may be a folder there; and what the command line has replaced may have had a path.
    is_open_ = kind_ == "task" && !sweep.tasks_folder.empty();
    for (const auto& [name, place] : used_)
      is_open_ = is_open_ || place.line == 0;
  }

  void check_sections(std::vector<Problem>& problems) const {
    for (const auto& [name, reference] : noted_) {
      if (used_.count(name) == 0) check(name, reference.place, kind_ + "s has", problems);
    }
  }

  void check_conditions(const Sweep& sweep, std::vector<Problem>& problems) const {
    for (const SweepParameter& parameter : sweep.parameters) {
      if (!parameter.when || !parameter.when_place.fragment.empty()) continue;
      for (const Expression::Comparison& comparison : parameter.when->comparisons()) {
        if (comparison.name != kind_) continue;
        check(comparison.text, parameter.when_place,
              parameter.name + ".when compares " + kind_ + " with", problems);
      }
    }
  }

 private:
  void check(const std::string& name, const Place& place, const std::string& what,
             std::vector<Problem>& problems) const {
    if (is_open_ || std::find(known_.begin(), known_.end(), name) != known_.end()) return;
    const bool is_told = std::any_of(problems.begin(), problems.end(), [&](const Problem& other) {
      return other.place.line == place.line && other.place.column == place.column;
    });
    if (is_told) return;
    problems.push_back({place, what + " '" + name + "', which is no " + kind_ +
                                   " of the sweep or the catalogue." + did_you_mean(name, known_) +
                                   " Known: " + join(known_, ", ")});
  }

  std::string kind_;
  const std::map<std::string, SourceReference>& noted_;
  std::map<std::string, Place> used_;
  std::vector<std::string> known_;
  bool is_open_ = false;
};

// A metric that the sweep names is one that every task of it has.
void check_metric(const std::string& metric, const Place& place, const Sources& sources,
                  std::vector<Problem>& problems) {
  if (metric.empty()) return;
  for (const auto& [name, task] : sources.tasks) {
    const std::vector<std::string> measured = measured_of_kind(task.spec.kind);
    if (std::find(measured.begin(), measured.end(), metric) != measured.end()) continue;
    problems.push_back({place, "the metric " + metric + " is not measured on the task '" + name +
                                   "', whose kind is " + task.spec.kind + "; it has " +
                                   join(measured, ", ")});
  }
}

// Why no trial ever reaches it; empty: one may.
std::string beyond(const std::string& metric, double target) {
  if (metric == "loss" && target < 0) return "a loss is never below 0";
  if (metric == "perplexity" && target < 1) return "a perplexity is never below 1";
  if (lower_is_better(metric) || target <= 1) return "";
  return metric + " is at most 1" +
         (target <= 100 ? "; " + format_number(target / 100) + " is " + format_number(target) + " %"
                        : "");
}

// A target in percent would end nothing.
void check_target(const Sweep& sweep, const Sources& sources, std::vector<Problem>& problems) {
  if (!sweep.search.budgets.target) return;
  const double target = *sweep.search.budgets.target;
  for (const auto& [name, task] : sources.tasks) {
    const std::string metric = sweep.metric.empty() ? task.spec.metric : sweep.metric;
    const std::string reason = beyond(metric, target);
    if (reason.empty()) continue;
    problems.push_back({sweep.search.budget_places.at("target"),
                        "the target " + format_number(target) + " is never reached: " + reason});
    return;
  }
}

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
  finder.run();
  problems.insert(problems.end(), finder.problems().begin(), finder.problems().end());
  loaded.sources = finder.sources();
  for (const char* kind : {"base", "task"}) {
    const SourceNames names(loaded.sweep, catalogue, kind);
    names.check_sections(problems);
    names.check_conditions(loaded.sweep, problems);
  }
  const SearchSpec& search = loaded.sweep.search;
  check_metric(loaded.sweep.metric, loaded.sweep.metric_place, loaded.sources, problems);
  check_metric(search.stop_metric, search.stop_metric_place, loaded.sources, problems);
  check_target(loaded.sweep, loaded.sources, problems);
  const Status report = request.check_report ? request.check_report(loaded.sweep.report) : Status();
  if (report && problems.empty()) return loaded;
  // Something is wrong: then all that is wrong, as far as it can be told.
  if (finder.is_complete() && reading.can_be_expanded)
    (void)expand(loaded.sweep, loaded.sources, problems);
  const bool only_source = problems.size() == 1 && finder.problems().size() == 1;
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
