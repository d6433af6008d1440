#include "coordinator/store/device_time.h"

#include <algorithm>
#include <set>
#include <utility>

#include "coordinator/store/sqlite_store.h"

namespace plateau {
namespace {

struct Change {
  TimeMs at_ms = 0;
  TrialId trial;
  bool begins = false;
};

void share_slot(std::vector<Change>& changes, std::map<TrialId, double>& shares) {
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return a.at_ms < b.at_ms; });
  std::multiset<TrialId> there;
  TimeMs since_ms = 0;
  for (const Change& change : changes) {
    const double each = there.empty() ? 0.0
                                      : static_cast<double>(change.at_ms - since_ms) /
                                            static_cast<double>(there.size());
    for (const TrialId trial : there)
      shares[trial] += each;
    since_ms = change.at_ms;
    if (change.begins) {
      there.insert(change.trial);
    } else if (const auto found = there.find(change.trial); found != there.end()) {
      there.erase(found);
    }
  }
}

}  // namespace

std::map<TrialId, double> share_device_time(const std::vector<OnDevice>& stays) {
  std::map<std::pair<std::string, std::int64_t>, std::vector<Change>> slots;
  for (const OnDevice& stay : stays) {
    // A clock that was set back tells nothing.
    if (stay.to_ms <= stay.from_ms) continue;
    std::vector<Change>& changes = slots[{stay.node, stay.slot}];
    changes.push_back({stay.from_ms, stay.trial, true});
    changes.push_back({stay.to_ms, stay.trial, false});
  }
  std::map<TrialId, double> shares;
  for (auto& [slot, changes] : slots)
    share_slot(changes, shares);
  return shares;
}

Result<std::map<TrialId, double>> read_device_time(const std::filesystem::path& run_folder) {
  Result<Database> database = open_run_database(run_folder, Database::Mode::kReadOnly);
  if (!database) return database.error();
  // From the assignment on: loading a base is part of what a trial costs.
  Result<Statement> rows = database->prepare(
      "SELECT trial, node, slot, assigned_ms, ended_ms FROM attempts WHERE started_ms > 0 AND "
      "ended_ms > 0");
  if (!rows) return rows.error();
  std::vector<OnDevice> stays;
  for (;;) {
    Result<bool> more = rows->step();
    if (!more) return more.error();
    if (!*more) return share_device_time(stays);
    stays.push_back({TrialId{rows->integer(0)}, rows->text(1), rows->integer(2), rows->integer(3),
                     rows->integer(4)});
  }
}

}  // namespace plateau
