#include "coordinator/cli/known_plan.h"

#include <filesystem>

#include <nlohmann/json.hpp>

#include "common/base/sha256.h"

namespace plateau::cli {
namespace {

using Json = nlohmann::json;

}  // namespace

std::string plan_fingerprint(const SweepRequest& request, const LoadedSweep& found) {
  std::error_code error;
  const std::filesystem::path program = "/proc/self/exe";
  const auto size = std::filesystem::file_size(program, error);
  const auto built = std::filesystem::last_write_time(program, error).time_since_epoch().count();
  return sha256_hex(sweep_fingerprint(request, found) + " " + PLATEAU_VERSION + " " +
                    std::to_string(size) + " " + std::to_string(built));
}

std::string plan_notes(const SweepPlan& plan, const SourceNames& sources) {
  Json names = Json::array();
  for (const auto& [kind, name] : sources)
    names.push_back({kind == EntryKind::kBase ? "base" : "task", name});
  return Json{{"trials", plan.trial_count},
              {"cells", plan.cell_count},
              {"baselines", plan.baseline_count},
              {"folded", plan.folded},
              {"notices", plan.notices},
              {"warnings", plan.warnings},
              {"sources", names}}
      .dump();
}

Status take_plan_notes(const std::string& notes, SweepPlan& plan, SourceNames& sources) {
  try {
    const Json json = Json::parse(notes);
    plan.trial_count = json.at("trials").get<std::int64_t>();
    plan.cell_count = json.at("cells").get<std::int64_t>();
    plan.baseline_count = json.at("baselines").get<std::int64_t>();
    plan.folded = json.at("folded").get<std::int64_t>();
    plan.notices = json.at("notices").get<std::vector<std::string>>();
    plan.warnings = json.at("warnings").get<std::vector<std::string>>();
    for (const Json& each : json.at("sources")) {
      const bool base = each.at(0).get<std::string>() == "base";
      sources.emplace(base ? EntryKind::kBase : EntryKind::kTask, each.at(1).get<std::string>());
    }
    return {};
  } catch (const Json::exception& error) {
    return corrupt("the run's database has plan notes that cannot be read: " +
                   std::string(error.what()));
  }
}

}  // namespace plateau::cli
