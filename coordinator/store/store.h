// What survives: the run's trials, attempts, metrics and results.
//
// Two implementations pass the same contract test: SQLite (open_store) and memory (memory_store).
// A Store has one owner and one thread; readers in other processes use results_view.h.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/spec/trial.h"
#include "common/spec/trial_keys.h"
#include "coordinator/scheduler/actions.h"
#include "coordinator/scheduler/events.h"

namespace plateau {

// The sweep as its user gave it, and what results need of it.
struct SweepText {
  std::string yaml;         // the file, byte by byte
  std::string report_json;  // the sweep's `report` section as JSON, or "null"
  // What the trials were planned from, and what is to be known of the plan without planning again:
  // for Store::take_up_sweep(). Empty: it is always planned again.
  std::string fingerprint = {};
  std::string plan_json = {};
};

struct NewTrial {
  Trial trial;
  std::optional<TrialKeys> keys = {};  // where they are known already
  bool is_baseline = false;
  bool alone = false;          // never shares a trainer (full fine-tuning)
  DurationMs expected_ms = 0;  // 0: unknown
};

// The next one of a list that is made as it is read; nullopt: that was all.
using NextTrial = std::function<std::optional<NewTrial>()>;

struct PutSweep {
  std::int64_t added = 0;     // trials that were not known
  std::int64_t kept = 0;      // known by their key, whatever their state
  std::int64_t finished = 0;  // of kept: finished or diverged, so not run again
};

// The sweep that is in the store already.
struct KnownSweep {
  PutSweep put;
  std::string plan_json;
};

// What an assignment and its artifacts need of a trial.
struct TrialText {
  std::string json;  // to_json(trial), compact
  std::string key;
  std::string label;
  std::string folder;  // relative to the run folder: "trials/<label>-<key8>"
};

// A cell that a search chose, as it is logged: enough to make the same decision again.
struct ProposalText {
  std::string space;        // the fingerprint of the space that it is a point of
  std::string point_json;   // its coordinates there
  std::string values_json;  // the same for people: {"adapter": "lora", "rank": 8}
  std::string reason;       // what the choice is based on, or why the cell cannot be trained
};

// A trial of a proposal, as the store knows it.
struct ProposedTrial {
  TrialFacts facts;
  bool is_new = false;  // false: it was there before, in whatever state
};

// What a trial has reported of one metric of the validation split, by step; and how it ended.
struct EvaluatedTrial {
  TrialId trial;
  std::string key;  // trial_key
  TrialStatus status = TrialStatus::kQueued;
  std::vector<std::pair<std::int64_t, double>> values;  // of all its attempts, the newest's last
  std::string result_json;                              // empty: it has no result
};

// What a run has used up, over all its coordinators' lives.
struct Spent {
  DurationMs time_ms = 0;    // in which anything was trained
  DurationMs device_ms = 0;  // the same, summed over devices: a pack counts once
  friend bool operator==(const Spent&, const Spent&) = default;
};

class Store {
 public:
  virtual ~Store() = default;

  // Makes this the run's sweep, in one transaction. A trial whose key is there already is not
  // added again, nor is the second of two in the list; trials that the sweep no longer names stay,
  // but restore() and read_run() leave them out. Failed trials are queued again with a clean
  // record: their user has looked at the reason and asked again. A trial's round is its place among
  // the trials of its cell.
  virtual Result<PutSweep> put_sweep(const SweepText& sweep, const NextTrial& next,
                                     TimeMs wall_ms) = 0;
  Result<PutSweep> put_sweep(const SweepText& sweep, const std::vector<NewTrial>& trials,
                             TimeMs wall_ms);

  // The same for the sweep that was put last, if it had this fingerprint: its trials are there, so
  // that nobody needs to plan them. nullopt: another one, or none; nothing was changed.
  virtual Result<std::optional<KnownSweep>> take_up_sweep(const std::string& fingerprint) = 0;

  // Logs a proposal and adds its trials to the sweep, as a part of the next commit(): what begins
  // one of them makes it durable with the same disk sync, and until then nobody has heard of it.
  // When that commit fails it is gone. The trials in their order; one that is there already is not
  // added again.
  virtual Result<std::vector<ProposedTrial>> put_proposal(const ProposalText& proposal,
                                                          const std::vector<NewTrial>& trials,
                                                          TimeMs wall_ms) = 0;
  // The log, oldest first.
  virtual Result<std::vector<ProposalText>> proposals() = 0;
  // Every trial of the sweep, by id.
  virtual Result<std::vector<EvaluatedTrial>> evaluations(const std::string& metric) = 0;

  // All of the records or none, with what put_proposal() wrote since the last commit (none: that
  // alone), durable when it returns. Blocks for a disk sync. After kIo (disk
  // full) nothing was written, and the same batch may be tried again. A second result for a trial
  // is kInternal: the scheduler must not let it happen.
  virtual Status commit(const std::vector<Record>& batch, TimeMs wall_ms) = 0;

  // Everything a new Scheduler needs to go on.
  virtual Result<event::Restored> restore(TimeMs wall_ms) = 0;

  // Nothing at first.
  virtual Result<Spent> spent() = 0;
  // In place of what was stored before; durable when it returns.
  virtual Status put_spent(const Spent& spent) = 0;

  // kNotFound when there is no such trial.
  virtual Result<TrialText> trial_text(TrialId trial) = 0;
};

struct RunIdentity {
  std::string name;                    // of the run, for tables
  std::string program_version;         // that writes it
  DurationMs busy_timeout_ms = 5'000;  // how long to wait for another process's lock
  // synchronous=NORMAL: a power cut may take back what was acknowledged. For benchmarks alone.
  bool sync_rarely = false;
};

// Opens run_folder/plateau.db, or makes it (the folder must exist). The caller holds the run
// folder's lock. kVersion: written with another schema; kCorrupt: not a database, or damaged;
// kIo: the disk is full or says no. Messages say what to do.
Result<std::unique_ptr<Store>> open_store(const std::filesystem::path& run_folder,
                                          const RunIdentity& identity);

// SweepText::fingerprint of the sweep that the folder's database holds; empty: none, or it cannot
// be read. Without the run folder's lock, so it is no more than a guess at what take_up_sweep()
// finds.
std::string stored_fingerprint(const std::filesystem::path& run_folder);

// The same in memory: for dry runs, simulation and tests.
std::unique_ptr<Store> memory_store();

}  // namespace plateau
