// The Store over SQLite: WAL, synchronous=FULL, one transaction a batch. See store.h.
#pragma once

#include <memory>
#include <vector>

#include "coordinator/store/sqlite.h"
#include "coordinator/store/store.h"

namespace plateau {

// The statements of a commit, prepared once. Part of sqlite_store.
struct RecordStatements {
  static Result<RecordStatements> prepare(Database& database);

  Statement session;
  Statement trial_changed;
  Statement attempt_assigned;
  Statement attempt_started;
  Statement attempt_ended;
  Statement attempt_revived;
  Statement metric;
  Statement checkpoint;
  Statement result;
  Statement node_set_aside;
  Statement node_returned;
  Statement note;
};

// Writes one record inside the open transaction. kInternal: the record does not fit what is stored.
Status write_record(RecordStatements& statements, const Record& record, TimeMs wall_ms);

// Store::proposals() and evaluations() of the SQLite store.
Result<std::vector<ProposalText>> read_proposals(Database& database);
Result<std::vector<EvaluatedTrial>> read_evaluations(Database& database, const std::string& metric);

// Reads what a new scheduler needs: restore() of the SQLite store.
Result<event::Restored> read_restored(Database& database, TimeMs wall_ms);

// The same of one trial; nullopt: there is none, or the sweep names it no longer.
Result<std::optional<RestoredTrial>> read_restored_trial(Database& database, TrialId trial);
Result<std::vector<SetAsideNode>> read_set_aside(Database& database);

// Opens a database for reading or writing and checks that it is a run's, of this schema. An empty
// file, in kReadWrite, is given the schema.
Result<Database> open_run_database(const std::filesystem::path& run_folder, Database::Mode mode,
                                   DurationMs busy_timeout_ms = kBusyTimeoutMs);

}  // namespace plateau
