#include "tests/simulation/simulated_node.h"

#include <algorithm>

namespace plateau::simulation {
namespace {

agent::AgentOptions agent_options(SessionId session, std::size_t slots) {
  agent::AgentOptions options;
  options.session = session;
  options.slots = slots;
  options.give_up_ms = 120'000;
  return options;
}

ArtifactFacts facts_of(const agent::Artifact& artifact) {
  return {artifact.name, artifact.size_bytes, artifact.sha256};
}

report::Failed failed_of(const agent::FailedReport& failed) {
  return {static_cast<FailureKind>(static_cast<int>(failed.kind) - 1), failed.message, failed.pack};
}

event::Report to_event(SessionId session, const agent::Report& report) {
  event::Report event;
  event.session = session;
  event.sequence = report.sequence;
  event.attempt = to_ours(report.attempt);
  if (const auto* a = std::get_if<agent::StartedReport>(&report.body)) {
    event.body = report::Started{a->slot, a->step, a->steps_total};
  } else if (const auto* b = std::get_if<agent::ProgressReport>(&report.body)) {
    event.body = report::Progress{b->step, b->steps_total, b->loss, b->tokens_per_s};
  } else if (const auto* c = std::get_if<agent::MetricReport>(&report.body)) {
    event.body = report::Metric{c->step, c->split, c->name, c->value};
  } else if (const auto* d = std::get_if<agent::CheckpointedReport>(&report.body)) {
    event.body = report::Checkpointed{d->step, facts_of(d->artifact)};
  } else if (const auto* e = std::get_if<agent::FinishedReport>(&report.body)) {
    report::Finished finished{e->result_json, {}};
    for (const agent::Artifact& each : e->artifacts)
      finished.artifacts.push_back(facts_of(each));
    event.body = std::move(finished);
  } else if (const auto* f = std::get_if<agent::FailedReport>(&report.body)) {
    event.body = failed_of(*f);
  } else if (const auto* g = std::get_if<agent::HandedBackReport>(&report.body)) {
    event.body = report::HandedBack{g->reason};
  }
  return event;
}

}  // namespace

SimulatedNode::SimulatedNode(World& world, NodeOptions options,
                             std::function<void(ToCoordinator)> to_coordinator)
    : world_(world), options_(std::move(options)), to_coordinator_(std::move(to_coordinator)) {}

// ---- the process --------------------------------------------------------------------------------

void SimulatedNode::start() {
  // The spool is written anew at the start; a worker that cannot do so ends with advice.
  if (process_ || disk_is_full()) return;
  ++life_;
  disk_is_behind_ = sync_is_coming_ = false;
  agent::Restored restored;
  const bool has_result =
      !disk_.results.empty() ||
      std::any_of(disk_.reports.begin(), disk_.reports.end(), [](const auto& each) {
        return std::holds_alternative<agent::FinishedReport>(each.second.body);
      });
  if (has_result) {
    restored.first_sequence = disk_.acked + 1;
    for (const auto& [sequence, report] : disk_.reports)
      restored.under_way.push_back(report);
    for (const auto& [attempt, result] : disk_.results)
      restored.results.push_back(result);
  } else {
    disk_ = Spool{};
    disk_.session = SessionId{world_.between(1, INT64_MAX - 1)};
  }
  session_ = disk_.session;
  synced_ = disk_;  // written anew, and synced
  const TimeMs now = world_.timeline.now();
  process_.reset(new Process{
      agent::AgentState(agent_options(session_, options_.pack_limits.size()), now, restored),
      world_.between(2, 1'000'000), std::vector<Trainer>(options_.pack_limits.size()), INT64_MAX, 0,
      disk_});
  schedule_wake();
}

void SimulatedNode::process_ends() {
  for (Trainer& each : process_->trainers) {
    for (const auto& [attempt, trial] : each.trials)
      world_.in_trainers.erase(attempt);
  }
  process_.reset();
  ++life_;
  if (!options_.is_local) return;
  // Seen through the process's descriptor, whatever the network does.
  world_.timeline.after(world_.between(1, 100), [this, session = session_] {
    to_coordinator_(Event(event::ConnectionLost{session, "its process ended"}));
  });
}

void SimulatedNode::kill() {
  if (process_) process_ends();
}

void SimulatedNode::power_cut() {
  if (disk_.reports.size() != synced_.reports.size()) world_.probe("a power cut took reports");
  disk_ = synced_;
  kill();
}

void SimulatedNode::freeze(DurationMs for_ms) {
  if (process_) process_->frozen_until = world_.timeline.now() + for_ms;
}

void SimulatedNode::preempt() {
  if (process_) in_process(1, [this] { apply(agent::Preempt{"preempted"}); });
}

void SimulatedNode::cut_off(DurationMs for_ms) {
  cut_off_until_ = world_.timeline.now() + for_ms;
}

void SimulatedNode::break_for(DurationMs for_ms) {
  broken_until_ = world_.timeline.now() + for_ms;
}

void SimulatedNode::fill_disk(DurationMs for_ms) {
  disk_full_until_ = world_.timeline.now() + for_ms;
}

void SimulatedNode::mend() {
  disk_full_until_ = 0;
  broken_until_ = 0;
  cut_off_until_ = 0;
  if (process_) process_->frozen_until = 0;
}

void SimulatedNode::in_process(DurationMs delay_ms, std::function<void()> what) {
  world_.timeline.after(delay_ms, [this, life = life_, what = std::move(what)] {
    if (life != life_ || !process_) return;
    const DurationMs still_frozen_ms = process_->frozen_until - world_.timeline.now();
    if (still_frozen_ms > 0) return in_process(still_frozen_ms, what);
    what();
  });
}

void SimulatedNode::schedule_wake() {
  const TimeMs next = std::max(process_->agent.next_wakeup(), world_.timeline.now() + 1);
  if (next == INT64_MAX || process_->wake_at <= next) return;
  process_->wake_at = next;
  in_process(next - world_.timeline.now(), [this, next] {
    if (process_->wake_at != next) return;
    process_->wake_at = INT64_MAX;
    apply(agent::Tick{});
  });
}

void SimulatedNode::apply(const agent::Event& event) {
  const std::int64_t life = life_;
  for (const agent::Action& action : process_->agent.apply(event, world_.timeline.now())) {
    world_.mix(action);
    to_disk(action);
    perform(action);
    if (life != life_) return;  // It ended, or was killed in the middle.
  }
  schedule_wake();
}

// ---- what the agent asks for --------------------------------------------------------------------

void SimulatedNode::receive(SessionId session, agent::CoordinatorBody body) {
  if (!process_) return;
  in_process(0, [this, session, body = std::move(body)] {
    apply(agent::FromCoordinator{session, body});
  });
}

void SimulatedNode::send(ToCoordinator message) {
  world_.send(is_cut_off(), [this, message = std::move(message)] { to_coordinator_(message); });
}

// False: nothing that is kept.
bool SimulatedNode::keep(const agent::Action& action, Spool& spool) {
  if (const auto* report = std::get_if<agent::KeepReport>(&action)) {
    spool.reports.emplace(report->report.sequence, report->report);
  } else if (const auto* result = std::get_if<agent::KeepResult>(&action)) {
    spool.results.insert_or_assign(result->attempt, *result);
  } else if (const auto* forget = std::get_if<agent::ForgetReports>(&action)) {
    spool.acked = std::max(spool.acked, forget->through_sequence);
    spool.reports.erase(spool.reports.begin(), spool.reports.upper_bound(forget->through_sequence));
  } else if (const auto* release = std::get_if<agent::ReleaseAttempt>(&action)) {
    spool.results.erase(release->attempt);
  } else {
    return false;
  }
  return true;
}

// As the real spool: what a full disk did not take stays in memory, and once there is room again
// the file is written anew. Until then the file is what it was, not a file with holes.
void SimulatedNode::to_disk(const agent::Action& action) {
  if (!keep(action, process_->spool)) return;
  if (disk_is_full()) {
    disk_is_behind_ = true;
    world_.probe("kept in memory on a full disk");
  } else if (disk_is_behind_) {
    disk_ = process_->spool;
    disk_is_behind_ = false;
    world_.probe("disk caught up");
  } else {
    keep(action, disk_);
    sync_later();
  }
}

// As the real loop: the whole file, a while after what ends an attempt was written.
void SimulatedNode::sync_later() {
  if (sync_is_coming_ || (disk_.reports.empty() && disk_.results.empty())) return;
  sync_is_coming_ = true;
  in_process(100, [this] {
    sync_is_coming_ = false;
    if (!disk_is_full()) synced_ = disk_;
  });
}

void SimulatedNode::say_hello(const agent::SendHello& hello) {
  event::Hello event;
  event.session = session_;
  event.worker_name = options_.name;
  event.host = options_.name;
  event.pid = process_->pid;
  for (std::size_t i = 0; i < options_.pack_limits.size(); ++i) {
    SlotFacts slot;
    slot.index = SlotIndex{static_cast<std::int64_t>(i)};
    slot.pack_limit = options_.pack_limits[i];
    event.slots.push_back(slot);
  }
  for (const agent::AttemptRef& ref : hello.held)
    event.held.push_back(to_ours(ref));
  event.first_sequence = hello.first_sequence;
  event.number = hello.number;
  send(Event(std::move(event)));
}

void SimulatedNode::perform(const agent::Action& action) {
  const bool is_broken = world_.timeline.now() < broken_until_;
  if (const auto* hello = std::get_if<agent::SendHello>(&action)) {
    say_hello(*hello);
  } else if (const auto* heartbeat = std::get_if<agent::SendHeartbeat>(&action)) {
    event::Heartbeat event{session_, {}};
    for (const agent::AttemptRef& ref : heartbeat->held)
      event.running.push_back(to_ours(ref));
    send(Event(std::move(event)));
  } else if (const auto* report = std::get_if<agent::SendReport>(&action)) {
    send(Event(to_event(session_, report->report)));
  } else if (const auto* chunk = std::get_if<agent::SendChunk>(&action)) {
    if (world_.fault(0.0005, "artifact unreadable")) {
      in_process(1, [this, lost = *chunk] {
        apply(agent::UploadUnreadable{lost.attempt, lost.artifact.name, "cannot be read"});
      });
    } else {
      send(ChunkMessage{session_, to_ours(chunk->attempt), facts_of(chunk->artifact), chunk->offset,
                        chunk->length});
    }
  } else if (const auto* goodbye = std::get_if<agent::SendGoodbye>(&action)) {
    send(Event(event::Goodbye{session_, goodbye->reason}));
  } else if (const auto* prepare = std::get_if<agent::PrepareTrial>(&action)) {
    in_process(world_.between(1, 50), [this, is_broken, attempt = prepare->attempt,
                                       json = prepare->trial_json] {
      if (is_broken) {
        apply(agent::PreparationFailed{attempt, agent::FailureKind::kNodeFault, "broken"});
      } else {
        apply(agent::TrialPrepared{attempt, json});
      }
    });
  } else if (const auto* verify = std::get_if<agent::VerifyResume>(&action)) {
    const bool bad = world_.fault(0.05, "checkpoint damaged on the node") || disk_is_full();
    if (bad) world_.probe("bad checkpoint to resume from");
    in_process(1, [this, bad, attempt = verify->attempt] {
      apply(agent::ResumeVerified{attempt, !bad});
    });
  } else if (const auto* begin = std::get_if<agent::StartTrial>(&action)) {
    start_trial(*begin);
  } else if (const auto* cancel = std::get_if<agent::CancelTrial>(&action)) {
    world_.probe("trial cancelled in a trainer");
    const auto found = trainer(cancel->slot).trials.find(to_ours(cancel->attempt));
    if (found != trainer(cancel->slot).trials.end()) found->second.leaving = true;
    in_process(world_.between(1, 50), [this, slot = cancel->slot, attempt = cancel->attempt] {
      if (!trainer(slot).trials.contains(to_ours(attempt))) return;
      remove(slot, to_ours(attempt));
      apply(agent::TrialDropped{attempt});
    });
  } else if (const auto* stop = std::get_if<agent::StopTrainer>(&action)) {
    for (auto& [attempt, trial] : trainer(stop->slot).trials)
      trial.leaving = true;
    in_process(world_.between(1, 500), [this, slot = stop->slot] { stop_trainer(slot); });
  } else if (std::holds_alternative<agent::Exit>(action)) {
    process_ends();
  }
}

}  // namespace plateau::simulation
