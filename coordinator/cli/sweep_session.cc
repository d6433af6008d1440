#include "coordinator/cli/sweep_session.h"

#include <memory>
#include <set>
#include <utility>

#include <malloc.h>

#include "common/base/text.h"
#include "common/catalogue/catalogue.h"
#include "common/transport/address.h"
#include "common/transport/zeromq_endpoint.h"
#include "coordinator/cli/budget_meter.h"
#include "coordinator/cli/key_folder.h"
#include "coordinator/cli/known_plan.h"
#include "coordinator/cli/local_worker.h"
#include "coordinator/cli/measurements.h"
#include "coordinator/cli/progress.h"
#include "coordinator/cli/reuse_runs.h"
#include "coordinator/cli/run_folder.h"
#include "coordinator/cli/run_summary.h"
#include "coordinator/cli/search_run.h"
#include "coordinator/cli/session_parts.h"
#include "coordinator/loop/loop.h"
#include "coordinator/results/results.h"
#include "coordinator/store/device_time.h"
#include "coordinator/store/run_status.h"
#include "coordinator/store/store.h"

namespace plateau::cli {
namespace fs = std::filesystem;
namespace {

constexpr DurationMs kWorkerPatienceMs = 10'000;
constexpr std::int64_t kTrialsBetweenTrims = 10'000;
// So much of what was used up is forgotten by a kill -9.
constexpr DurationMs kSpentEveryMs = 5'000;

// One run of the program over one sweep. Members in the order in which they come to be.
class Session {
 public:
  Session(const SessionOptions& options, CommandContext& context)
      : options_(options), context_(context), scheduler_(scheduler_options(options)) {}

  Status run();

 private:
  static SchedulerOptions scheduler_options(const SessionOptions& options) {
    SchedulerOptions scheduler;
    scheduler.lease_ms = options.lease_ms;
    return scheduler;
  }

  Status load();
  Status plan();
  void tell_plan();
  std::string run_name() const {
    return options_.name.empty() ? sweep_->sweep.name : options_.name;
  }
  Status open();
  Result<PutSweep> put_sweep();
  Result<PutSweep> put_trials();
  Status reuse_results();
  Result<bool> has_work();
  Status listen();
  Status start_local_worker();
  Status serve();
  Status look_after_worker();
  Status look_at_budgets();
  // Why no trial may be started any more; nullopt: they may.
  std::optional<std::string> budget_end() const;
  void report_lost(pid_t pid, const std::string& how);
  void forget_dead_sessions(const std::vector<RestoredSession>& sessions);
  Status conclude();
  void keep_measurements(const RunView& run);
  void say_why_ended(const RunCounts& counts, bool interrupted);
  void note(const std::string& message);

  const SessionOptions& options_;
  CommandContext& context_;
  const Clock& clock_ = system_clock();
  std::optional<CoordinatorSecurity> security_;
  std::optional<Catalogue> catalogue_;
  std::unique_ptr<SearchRun> search_;  // of a sweep that searches, or stops early
  std::optional<LoadedSweep> sweep_;   // without its trials once they are in the store
  std::string fingerprint_;            // empty: the sweep is planned whenever it is run
  bool planned_ = false;
  SourceNames sources_;
  std::optional<RunFolder> folder_;
  LogLine log_;
  std::unique_ptr<Store> store_;
  std::optional<ReuseRuns> reuse_;
  std::optional<BudgetMeter> budget_;
  TimeMs spent_put_ms_ = 0;
  Spent spent_put_;         // what the store has of it
  std::string ended_by_;    // a budget or the target; empty: neither
  bool signalled_ = false;  // somebody wants it to end
  Scheduler scheduler_;
  BoundEndpoint bound_;
  std::optional<Gateway> gateway_;
  std::optional<Engine> engine_;
  std::optional<LocalWorker> worker_;
  std::optional<ProgressPrinter> printer_;
  std::optional<LoopEnd> end_;
};

Status Session::run() {
  if (options_.bind) {
    auto security = choose_security(*options_.bind, options_.keys, options_.insecure);
    if (!security) return security.error();
    security_ = std::move(*security);
  }
  if (Status loaded = load(); !loaded) return loaded;
  if (Status opened = open(); !opened) return opened;
  const Result<bool> work = has_work();
  if (!work) return work.error();
  if (*work) {
    const auto say = [this](const std::string& line) { note(line); };
    if (Status s = fetch_sources(*catalogue_, sources_, say); !s) return s;
    if (Status listening = listen(); !listening) return listening;
    if (Status served = serve(); !served) return served;
  } else if (ended_by_.empty()) {
    note("Every trial of this sweep has ended already; nothing is trained again.");
  }
  return conclude();
}

Status Session::load() {
  Result<Catalogue> catalogue = Catalogue::load();
  if (!catalogue) return catalogue.error();
  catalogue_ = std::move(*catalogue);
  SweepRequest request = options_.sweep;
  // A mistake in the report is better found now than after the last trial.
  request.check_report = results::check_report;
  Result<LoadedSweep> sweep = find_sweep(request, *catalogue_);
  if (!sweep) return sweep.error();
  sweep_ = std::move(*sweep);
  Result<std::unique_ptr<SearchRun>> search = SearchRun::of(sweep_->sweep, sweep_->sources);
  if (!search) return search.error();
  search_ = std::move(*search);
  // A search asks for the trials themselves.
  if (!search_) fingerprint_ = plan_fingerprint(options_.sweep, *sweep_);
  // A mistake that only planning finds is to leave no run folder behind.
  const fs::path folder = options_.runs_dir / run_name();
  if (search_ || stored_fingerprint(folder) != fingerprint_) return plan();
  return {};
}

Status Session::plan() {
  Status planned = plan_sweep(*sweep_);
  if (planned) tell_plan();
  planned_ = planned.ok();
  return planned;
}

void Session::tell_plan() {
  for (const std::string& notice : sweep_->plan.notices)
    note("note: " + notice);
  for (const std::string& warning : sweep_->plan.warnings)
    note("warning: " + warning);
}

Status Session::open() {
  const std::string name = run_name();
  Result<RunFolder> folder = open_run_folder(options_.runs_dir, name);
  if (!folder) return folder.error();
  folder_ = std::move(*folder);
  Result<LogLine> log = open_log(folder_->path);
  if (!log) return log.error();
  log_ = std::move(*log);

  Result<std::unique_ptr<Store>> store = open_store(
      folder_->path, {name, PLATEAU_VERSION, RunIdentity().busy_timeout_ms, options_.sync_rarely});
  if (!store) return store.error();
  store_ = std::move(*store);
  const Result<PutSweep> put = put_sweep();
  if (!put) return put.error();
  if (Status reused = reuse_results(); !reused) return reused;
  if (search_) {
    if (Status begun = search_->begin(*store_); !begun) return begun;
  }
  const Result<Spent> spent = store_->spent();
  if (!spent) return spent.error();
  budget_.emplace(sweep_->sweep.search.budgets, *spent);
  spent_put_ = *spent;
  std::string line = "Sweep " + name + ": " + std::to_string(sweep_->plan.trial_count) +
                     " trials in " + std::to_string(sweep_->plan.cell_count) + " cells";
  if (sweep_->plan.baseline_count > 0) {
    line += ", " + std::to_string(sweep_->plan.baseline_count) + " baselines";
  }
  if (put->kept > 0) {
    line += "; " + std::to_string(put->finished) + " finished before, " +
            std::to_string(put->added) + " new";
  }
  log_(line);
  note(line + ". Run folder: " + folder_->path.string());
  return {};
}

Result<PutSweep> Session::put_sweep() {
  if (!planned_) {
    Result<std::optional<KnownSweep>> known = store_->take_up_sweep(fingerprint_);
    if (!known) return known.error();
    if (known->has_value()) {
      Status taken = take_plan_notes((*known)->plan_json, sweep_->plan, sources_);
      if (!taken) return taken.error();
      tell_plan();
      return (*known)->put;
    }
    // Another coordinator has put another sweep between our two looks.
    if (Status planned = plan(); !planned) return planned.error();
  }
  if (Status written = write_sweep_files(folder_->path, *sweep_); !written) return written.error();
  return put_trials();
}

// Moves the plan's trials into the store, one by one: a coordinator of 100,000 trials has no room
// for them twice.
Result<PutSweep> Session::put_trials() {
  std::vector<PlannedTrial>& planned = sweep_->plan.trials;
  for (const PlannedTrial& each : planned) {
    sources_.emplace(EntryKind::kBase, each.base->source);
    sources_.emplace(EntryKind::kTask, each.task->source);
  }
  std::vector<NewTrial> before;
  if (search_) {
    search_->expect(planned);
    Result<std::vector<NewTrial>> proposed = search_->proposed_before(*store_);
    if (!proposed) return proposed.error();
    before = std::move(*proposed);
    for (const auto& [source, base] : sweep_->sources.bases)
      sources_.emplace(EntryKind::kBase, base.spec.source);
    for (const auto& [source, task] : sweep_->sources.tasks)
      sources_.emplace(EntryKind::kTask, task.spec.source);
  }
  std::size_t next = 0;
  const auto next_trial = [&]() -> std::optional<NewTrial> {
    const std::size_t i = next++;
    if (i < planned.size()) return new_trial(std::exchange(planned[i], {}));
    if (i < planned.size() + before.size()) return std::move(before[i - planned.size()]);
    return std::nullopt;
  };
  Result<PutSweep> put = store_->put_sweep(
      {sweep_->yaml, sweep_->sweep.report.dump(), fingerprint_, plan_notes(sweep_->plan, sources_)},
      next_trial, clock_.wall_ms());
  std::vector<PlannedTrial>().swap(planned);
  malloc_trim(0);
  return put;
}

Status Session::reuse_results() {
  if (options_.reuse.empty()) return {};
  Result<ReuseRuns> runs = ReuseRuns::open(folder_->path, options_.reuse, options_.runs_dir,
                                           [this](const std::string& line) { note(line); });
  if (!runs) return runs.error();
  reuse_ = std::move(*runs);
  if (search_) {
    search_->set_reuse([this](TrialId first) { return reuse_->take(clock_.wall_ms(), first); });
  }
  const Result<std::vector<TrialId>> taken = reuse_->take(clock_.wall_ms());
  return taken ? Status() : Status(taken.error());
}

Result<bool> Session::has_work() {
  const Result<RunStatus> status = read_status(folder_->path);
  if (!status) return status.error();
  const RunCounts counts = count_trials(*status);
  // What runs with a worker that is still alive is finished, whatever the budget says.
  if (counts.running > 0) return true;
  const bool more = counts.queued > 0 || (search_ && search_->searches() && search_->goes_on());
  if (const std::optional<std::string> end = budget_end(); more && end) {
    ended_by_ = *end;
    return false;
  }
  return more;
}

Status Session::listen() {
  const std::string address = options_.bind ? *options_.bind : local_address(folder_->path);
  Result<BoundEndpoint> bound = bind_coordinator(address, {security_, log_});
  if (!bound) return bound.error();
  bound_ = std::move(*bound);
  GatewayOptions gateway;
  gateway.coordinator_run = draw_coordinator_run();
  gateway.inbox.run_folder = folder_->path;
  gateway_.emplace(*bound_.endpoint, scheduler_, *store_, std::move(gateway), log_);
  EngineParts parts{*bound_.endpoint, scheduler_, *store_, *gateway_, clock_, log_};
  if (search_) {
    parts.observe = [this](const std::vector<const Record*>& records) {
      return search_->observe(records);
    };
  }
  engine_.emplace(std::move(parts));
  const Result<std::vector<RestoredSession>> sessions =
      engine_->restore(/*more_expected=*/search_ && search_->searches());
  if (!sessions) return sessions.error();
  if (options_.bind) {
    note("Listening on " + bound_.address + ". Start workers with: plateau worker --connect " +
         address_for_workers(bound_.address) +
         (security_ ? " --key worker.key (a copy of " +
                          (security_->worker_list.parent_path() / "worker.key").string() + ")"
                    : ""));
    if (!security_ && !stays_on_this_host(bound_.address)) {
      const std::string warning =
          "warning: --insecure: whoever reaches this address can take part, and nothing is "
          "encrypted; use it only inside a network where you trust everybody";
      log_(warning);
      note(warning);
    }
    return {};
  }
  if (Status started = start_local_worker(); !started) return started;
  if (!worker_->adopted()) forget_dead_sessions(*sessions);
  return {};
}

Status Session::start_local_worker() {
  Result<fs::path> program = find_worker_program(options_.worker_program);
  if (!program) return program.error();
  LocalWorkerOptions local;
  local.program = *program;
  local.run_folder = folder_->path;
  local.arguments = {"--connect", bound_.address, "--folder", (folder_->path / "worker").string()};
  if (!options_.trainer.empty()) {
    local.arguments.insert(local.arguments.end(),
                           {"--trainer", fs::absolute(options_.trainer).string()});
  }
  const std::vector<std::string>& devices =
      options_.devices.empty() ? sweep_->sweep.resources.devices : options_.devices;
  if (!devices.empty()) {
    local.arguments.insert(local.arguments.end(), {"--devices", join(devices, ",")});
  }
  const std::optional<std::int64_t> pack =
      options_.pack ? options_.pack : sweep_->sweep.resources.pack;
  if (pack) local.arguments.insert(local.arguments.end(), {"--pack", std::to_string(*pack)});
  Result<LocalWorker> worker = LocalWorker::start_or_adopt(std::move(local), clock_.monotonic_ms());
  if (!worker) return worker.error();
  worker_ = std::move(*worker);
  if (worker_->adopted()) note("A worker of this run is still alive; it goes on.");
  return {};
}

// No local worker lives, or its lock would be taken: what it had is queued again at once instead
// of after a lease.
void Session::forget_dead_sessions(const std::vector<RestoredSession>& sessions) {
  for (const RestoredSession& session : sessions) {
    if (session.host != host_name()) continue;
    engine_->post(event::ConnectionLost{session.session, "its process ended"});
  }
}

void Session::report_lost(pid_t pid, const std::string& how) {
  log_("The local worker (process " + std::to_string(pid) + ") ended: " + how);
  for (const auto& [session, worker] : scheduler_.state().workers) {
    if (worker.pid == pid && worker.host == host_name()) {
      engine_->post(event::ConnectionLost{session, "its process ended (" + how + ")"});
    }
  }
}

Status Session::look_after_worker() {
  if (!worker_) return {};
  const pid_t pid = worker_->pid();
  if (const std::optional<std::string> how = worker_->poll()) report_lost(pid, *how);
  return worker_->restart_when_due(clock_.monotonic_ms());
}

std::optional<std::string> Session::budget_end() const {
  if (search_ && !search_->target_reached().empty()) return search_->target_reached();
  return budget_->used_up();
}

Status Session::look_at_budgets() {
  const TimeMs now_ms = clock_.monotonic_ms();
  budget_->advance(scheduler_.state(), now_ms);
  if (ended_by_.empty() && !signalled_) {
    if (const std::optional<std::string> end = budget_end()) {
      ended_by_ = *end;
      printer_->say("Ending: " + ended_by_ +
                    ". No more trials are started; those that run are finished.");
      engine_->post(event::StopRequested{/*drain=*/true, ended_by_});
    }
  }
  // A coordinator that waits for workers leaves the disk alone.
  if (now_ms - spent_put_ms_ < kSpentEveryMs || budget_->spent() == spent_put_) return {};
  spent_put_ms_ = now_ms;
  spent_put_ = budget_->spent();
  return store_->put_spent(spent_put_);
}

Status Session::serve() {
  ProgressMeter meter([this](TrialId trial) {
    const Result<TrialText> text = store_->trial_text(trial);
    return text ? text->label : "trial " + std::to_string(trial.value);
  });
  printer_.emplace(std::move(meter), options_.plain || options_.json);
  LoopOptions loop;
  std::int64_t trimmed = -1;
  loop.on_tick = [&](bool stopping) -> Status {
    // What the store's rows took on their way into the scheduler goes back; later what the queue
    // and the records of trials that ended took, since it lies between what stays.
    const std::int64_t done = scheduler_.counts().ended() / kTrialsBetweenTrims;
    if (done > trimmed && scheduler_.counts().total() > 0) {
      malloc_trim(0);
      trimmed = done;
    }
    if (Status s = look_at_budgets(); !s) return s;
    if (!stopping && ended_by_.empty()) {
      if (Status s = look_after_worker(); !s) return s;
      if (search_) {
        Status filled = search_->fill_places(*store_, *engine_, scheduler_, clock_);
        if (!filled) return filled;
      }
    } else if (worker_) {
      const pid_t pid = worker_->pid();
      if (const std::optional<std::string> how = worker_->poll()) report_lost(pid, *how);
    }
    printer_->show(scheduler_, clock_.monotonic_ms());
    return {};
  };
  loop.on_stopping = [&] {
    signalled_ = true;
    printer_->say(
        "Stopping: trials are checkpointed and handed back. "
        "Once more ends at once.");
  };
  loop.on_stalled = [&](const std::string& message) {
    printer_->say(message);
    return worker_.has_value();
  };
  const Result<LoopEnd> end = run_loop(*engine_, *bound_.endpoint, loop);
  if (worker_) {
    const bool at_once = !end || end->why == LoopEnd::Why::kAtOnce;
    if (at_once) worker_->kill_now();
    worker_->stop(kWorkerPatienceMs);
    // Only an orphan would still need the socket's folder.
    if (worker_->pid() == 0) remove_local_folder(bound_.address);
  }
  printer_->finish(scheduler_, clock_.monotonic_ms());
  if (!end) return end.error();
  end_ = *end;
  return store_->put_spent(budget_->spent());
}

Status Session::conclude() {
  // The results are read from the store: what was known of every trial beside it gives way.
  engine_.reset();
  gateway_.reset();
  scheduler_ = Scheduler(scheduler_options(options_));
  malloc_trim(0);
  const Result<RunView> run = read_run(folder_->path);
  if (!run) return run.error();
  keep_measurements(*run);
  const Result<ResultFiles> files = write_results(*run, folder_->path);
  if (!files) return files.error();
  if (search_ && search_->searches()) {
    if (Status s = write_search_file(folder_->path, *run, *store_); !s) return s;
  }
  const RunCounts counts = count_trials(*run);
  const bool interrupted = signalled_ && end_->why != LoopEnd::Why::kComplete;
  if (options_.json) {
    nlohmann::json summary = summary_json(*run, folder_->path, files->paths, interrupted);
    summary["ended_by"] = ended_by_.empty() ? nlohmann::json() : nlohmann::json(ended_by_);
    context_.print(summary.dump(2) + "\n");
  } else {
    if (counts.finished + counts.diverged > 0) context_.print(terminal_table(*run));
    context_.print(failures_text(*run));
    for (const fs::path& path : files->paths)
      context_.print("Wrote " + path.string() + "\n");
    if (!files->left_out.empty()) context_.print(files->left_out + "\n");
    context_.print("Trials, their metrics, predictions and adapters: " +
                   (folder_->path / "trials").string() + "\n");
  }
  if (counts.failed > 0) context_.exit_code = kExitTrialsFailed;
  if (end_ && end_->why == LoopEnd::Why::kStalled) {
    return io_error("Trials are left and no worker can go on: " + end_->message +
                    ". Mend the cause, then the same command goes on where this stopped.");
  }
  say_why_ended(counts, interrupted);
  return {};
}

// For the estimates of later plans: a run that cannot keep them has lost nothing of its own.
void Session::keep_measurements(const RunView& run) {
  const Result<std::map<TrialId, double>> device_ms = read_device_time(folder_->path);
  Status kept = device_ms ? Status() : Status(device_ms.error());
  if (kept) {
    const fs::path folder = fs::absolute(folder_->path).lexically_normal();
    kept = put_measurements(cache_folder(), measure(run, *device_ms, sweep_->sources,
                                                    folder.string(), clock_.wall_ms()));
  }
  if (!kept) log_("No measurements are kept for later plans: " + kept.error().message);
}

void Session::say_why_ended(const RunCounts& counts, bool interrupted) {
  const std::string done = std::to_string(counts.finished + counts.diverged) + " of " +
                           std::to_string(counts.total) + " trials done";
  if (interrupted) {
    context_.exit_code = kExitInterrupted;
    note("Interrupted with " + done + ". To go on: " + context_.command_line);
  } else if (!ended_by_.empty()) {
    note("Ended by its budget, with " + done + ": " + ended_by_ +
         ". The same command goes on when the sweep allows more.");
  } else if (search_ && !search_->why_done().empty()) {
    note("The search has ended: " + search_->why_done() + ".");
  }
}

void Session::note(const std::string& message) {
  if (printer_) {
    printer_->say(message);
  } else {
    std::fprintf(stderr, "%s\n", message.c_str());
  }
}

}  // namespace

void run_session(const SessionOptions& options, CommandContext& context) {
  Session session(options, context);
  if (Status ran = session.run(); !ran) context.fail(ran.error());
}

}  // namespace plateau::cli
