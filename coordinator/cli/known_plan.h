// The same sweep again: its trials are in the store, so it need not be planned a second time. With
// 10,000 trials planning takes longer than a worker that waits for its coordinator should.
#pragma once

#include <set>
#include <string>
#include <utility>

#include "common/catalogue/load_sweep.h"

namespace plateau::cli {

// What trials are made from, by kind and name in the catalogue.
using SourceNames = std::set<std::pair<EntryKind, std::string>>;

// sweep_fingerprint(), and which program planned it: another build may plan otherwise.
std::string plan_fingerprint(const SweepRequest& request, const LoadedSweep& found);

// What of a plan is asked for after its trials are stored: counts, notes to the user, sources.
std::string plan_notes(const SweepPlan& plan, const SourceNames& sources);
// And back, into a plan without trials. kCorrupt: not what plan_notes() wrote.
Status take_plan_notes(const std::string& notes, SweepPlan& plan, SourceNames& sources);

}  // namespace plateau::cli
