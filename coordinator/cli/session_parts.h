// Small parts of sweep_session.cc that know nothing of a session.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/catalogue/load_sweep.h"
#include "coordinator/gateway/gateway.h"
#include "coordinator/store/results_view.h"

namespace plateau::cli {

std::string host_name();

// Tells this life of a coordinator from all others.
std::uint64_t draw_coordinator_run();

// What the store is told of a planned trial.
NewTrial new_trial(const PlannedTrial& planned);

// "tcp://0.0.0.0:5800" is where to listen; others connect to the host by its name.
std::string address_for_workers(const std::string& bound);

// The private folder of an `ipc://` socket, with the socket.
void remove_local_folder(const std::string& ipc_address);

// run_folder/plateau.log, appended to. kIo.
Result<LogLine> open_log(const std::filesystem::path& run_folder);

// Bases and tasks that are not in the cache yet. Before any worker starts: a sweep that cannot get
// its data should fail here, with one message.
Status fetch_sources(const Catalogue& catalogue,
                     const std::set<std::pair<EntryKind, std::string>>& sources,
                     const std::function<void(const std::string&)>& note);

// sweep.yaml as it was given, and sweep.resolved.json: every trial with all its values. The latter
// is left out above 10,000 trials, a kilobyte each and more: the database has them, and `plateau
// plan --resolved --json` prints them.
Status write_sweep_files(const std::filesystem::path& run_folder, const LoadedSweep& sweep);

// sweep.resolved.json of a search, once there is something to tell: its trials, and "proposals",
// what it chose and why, in order.
Status write_search_file(const std::filesystem::path& run_folder, const RunView& run, Store& store);

}  // namespace plateau::cli
