#include "tests/simulation/simulated_coordinator.h"

#include <algorithm>

namespace plateau::simulation {
namespace {

constexpr DurationMs kTickMs = event::kTickMaxMs;
constexpr std::size_t kEventsPerRound = 16;
constexpr std::uint64_t kCredit = 4096;
constexpr TimeMs kWallOffsetMs = 1'700'000'000'000;

template <typename To, typename Each, typename Convert>
std::vector<To> convert_all(const std::vector<Each>& list, Convert convert) {
  std::vector<To> converted;
  for (const Each& each : list)
    converted.push_back(convert(each));
  return converted;
}

agent::Refused::Reason to_agents(action::Refuse::Reason reason) {
  return reason == action::Refuse::Reason::kNoMoreWork ? agent::Refused::Reason::kNoMoreWork
                                                       : agent::Refused::Reason::kUnknownSession;
}

}  // namespace

SimulatedCoordinator::SimulatedCoordinator(World& world, CoordinatorLinks links)
    : world_(world), links_(std::move(links)) {}

void SimulatedCoordinator::submit(const std::vector<NewTrial>& trials) {
  const auto put = store_->put_sweep({"", "null"}, trials, kWallOffsetMs);
  if (!put) world_.broken(put.error().message);
}

void SimulatedCoordinator::start() {
  ++life_;
  SchedulerOptions options;
  options.lease_ms = 10'000;
  scheduler_.emplace(options);
  auto restored = store_->restore(world_.timeline.now() + kWallOffsetMs);
  if (!restored) return world_.broken(restored.error().message);
  inbox_.clear();
  inbox_.emplace_back(Event(*restored));
  for (const RestoredSession& session : restored->sessions) {
    if (links_.local_process_lives(session.session) == false) {
      inbox_.emplace_back(Event(event::ConnectionLost{session.session, "no such process"}));
    }
  }
  round_is_due_ = true;
  round(life_);
  world_.timeline.after(kTickMs, [this, life = life_] { tick(life); });
}

void SimulatedCoordinator::crash() {
  scheduler_.reset();
  arriving_.clear();
  inbox_.clear();
  ++life_;
}

void SimulatedCoordinator::tick(std::int64_t life) {
  if (life != life_) return;
  receive(Event(event::Tick{}));
  world_.timeline.after(kTickMs, [this, life] { tick(life); });
}

void SimulatedCoordinator::receive(ToCoordinator message) {
  if (!scheduler_) return;
  inbox_.push_back(std::move(message));
  if (round_is_due_) return;
  round_is_due_ = true;
  // Others may come meanwhile and share the transaction.
  world_.timeline.after(1, [this, life = life_] { round(life); });
}

void SimulatedCoordinator::round(std::int64_t life) {
  if (life != life_) return;
  round_is_due_ = false;
  std::vector<Action> actions;
  const std::size_t count = std::min(inbox_.size(), kEventsPerRound);
  std::vector<ToCoordinator> group(
      std::make_move_iterator(inbox_.begin()),
      std::make_move_iterator(inbox_.begin() + static_cast<std::ptrdiff_t>(count)));
  inbox_.erase(inbox_.begin(), inbox_.begin() + static_cast<std::ptrdiff_t>(count));
  for (ToCoordinator& message : group) {
    if (auto* chunk = std::get_if<ChunkMessage>(&message)) {
      if (!take_chunk(*chunk, actions)) return;
      continue;
    }
    auto& event = std::get<Event>(message);
    if (auto* report = std::get_if<event::Report>(&event)) {
      if (std::holds_alternative<report::Finished>(report->body) &&
          is_current(report->session, report->attempt) && !has_artifacts(*report)) {
        report->body = report::HandedBack{"its artifacts are not here"};
      }
    }
    apply(event, actions);
  }
  if (!commit(actions)) return;
  for (const Action& action : actions) {
    if (world_.fault(0.0002, "coordinator died while speaking")) return crash();
    perform(action);
  }
  if (!inbox_.empty()) {
    round_is_due_ = true;
    world_.timeline.after(1, [this, life] { round(life); });
  }
}

void SimulatedCoordinator::apply(const Event& event, std::vector<Action>& actions) {
  probe(event);
  for (Action& action : scheduler_->apply(event, world_.timeline.now())) {
    world_.mix(action);
    actions.push_back(std::move(action));
  }
  if (const auto broken = broken_invariant(*scheduler_)) world_.broken(*broken);
}

bool SimulatedCoordinator::commit(const std::vector<Action>& actions) {
  std::vector<Record> records;
  for (const Action& action : actions) {
    if (const auto* commit = std::get_if<action::Commit>(&action)) {
      records.push_back(commit->record);
    }
  }
  if (world_.fault(0.0005, "coordinator died before commit")) {
    world_.probe("crash before commit");
    crash();
    return false;
  }
  if (!records.empty() && write_fails()) return false;
  if (const Status done = store_->commit(records, world_.timeline.now() + kWallOffsetMs); !done) {
    world_.broken("the store refused a batch: " + done.error().message);
    return false;
  }
  for (const Record& record : records)
    probe(record);
  if (const auto broken = history_.check(*scheduler_)) world_.broken(*broken);
  if (world_.fault(0.0005, "coordinator died between commit and send")) {
    world_.probe("crash between commit and send");
    crash();
    return false;
  }
  return true;
}

// ---- artifacts ----------------------------------------------------------------------------------

bool SimulatedCoordinator::is_current(SessionId session, const AttemptRef& attempt) const {
  const TrialEntry* entry = scheduler_->find(attempt.trial);
  if (entry == nullptr) return false;
  const auto place = place_of(entry->phase);
  return place && place->session == session && current_attempt(*entry) == attempt;
}

bool SimulatedCoordinator::has_artifacts(const event::Report& report) const {
  for (const ArtifactFacts& each : std::get<report::Finished>(report.body).artifacts) {
    if (!files_.contains({report.attempt, each.name})) return false;
  }
  return true;
}

// A coordinator that cannot write says so and ends, before it has said anything else.
bool SimulatedCoordinator::write_fails() {
  if (world_.timeline.now() >= disk_full_until_ || !world_.faults) return false;
  world_.count_fault("coordinator ended on a full disk");
  world_.probe("coordinator ended on a full disk");
  crash();
  return true;
}

// False: it ended.
bool SimulatedCoordinator::take_chunk(const ChunkMessage& chunk, std::vector<Action>& actions) {
  if (!is_current(chunk.session, chunk.attempt)) return true;
  const FileKey key{chunk.attempt, chunk.artifact.name};
  bool complete = files_.contains(key);
  std::uint64_t& received = arriving_[key];
  if (complete) received = chunk.artifact.size_bytes;
  if (!complete && chunk.offset == received) {
    if (write_fails()) return false;
    received += chunk.length;
    if (received == chunk.artifact.size_bytes) {
      if (world_.fault(0.01, "artifact arrived damaged")) {
        received = 0;
      } else {
        files_.insert(key);
        complete = true;
        const std::string prefix = "checkpoint-";
        if (chunk.artifact.name.starts_with(prefix)) {
          const std::int64_t step = std::stoll(chunk.artifact.name.substr(prefix.size()));
          apply(event::CheckpointStored{chunk.attempt, step, chunk.artifact}, actions);
        }
      }
    }
  }
  links_.send(chunk.session, agent::ChunkAck{to_agents(chunk.attempt), chunk.artifact.name,
                                             received, kCredit, complete});
  return true;
}

// ---- what is said -------------------------------------------------------------------------------

void SimulatedCoordinator::assign(const action::Assign& assign) {
  agent::Assign message;
  message.attempt = to_agents(assign.attempt);
  message.slot = assign.slot;
  message.alone = assign.alone;
  message.trial_json = std::to_string(assign.micro_batch_size);
  if (assign.resume) {
    const ArtifactFacts& file = assign.resume->artifact;
    message.resume = agent::Artifact{file.name, "", file.size_bytes, file.sha256};
    if (!files_.contains({{assign.attempt.trial, assign.resume->written_by}, file.name})) {
      world_.broken("an attempt is to resume from a checkpoint that is not here");
    }
    world_.probe("resumed from a checkpoint");
  }
  links_.send(assign.session, message);
  if (message.resume) {
    links_.send(assign.session, agent::ResumeData{message.attempt, 0,
                                                  std::string(message.resume->size_bytes, 'c')});
  }
}

void SimulatedCoordinator::perform(const Action& action) {
  if (const auto* a = std::get_if<action::Welcome>(&action)) {
    links_.send(a->session,
                agent::Welcome{
                    static_cast<std::uint64_t>(life_), a->lease_ms, a->hello_number,
                    convert_all<agent::AttemptRef>(
                        a->keep, [](const AttemptRef& ref) { return simulation::to_agents(ref); }),
                    a->acked_sequence});
  } else if (const auto* b = std::get_if<action::Refuse>(&action)) {
    links_.send(b->session, agent::Refused{to_agents(b->reason), b->message});
  } else if (const auto* c = std::get_if<action::Assign>(&action)) {
    assign(*c);
  } else if (const auto* d = std::get_if<action::Cancel>(&action)) {
    links_.send(d->session, agent::Cancel{simulation::to_agents(d->attempt), d->reason});
  } else if (const auto* e = std::get_if<action::Ack>(&action)) {
    links_.send(e->session, agent::Ack{e->sequence});
  } else if (const auto* f = std::get_if<action::HeartbeatReply>(&action)) {
    links_.send(f->session, agent::HeartbeatReply{f->lease_ms});
  } else if (const auto* g = std::get_if<action::StopWorker>(&action)) {
    links_.send(g->session, agent::Stop{g->reason, g->drain});
  } else if (const auto* h = std::get_if<action::RunEnded>(&action)) {
    if (h->how == action::RunEnded::How::kComplete) complete_ = true;
    if (h->how == action::RunEnded::How::kStalled) world_.probe("stalled: every node set aside");
    if (h->how == action::RunEnded::How::kStopped) {
      world_.probe("stopped and started again");
      crash();  // The process ends here; an operator starts it again.
    }
  }
}

// ---- checks -------------------------------------------------------------------------------------

void SimulatedCoordinator::check_result(const record::Result& result) {
  if (!results_.insert(result.attempt.trial).second) world_.broken("a trial has two results");
  if (result.result_json != result_of(result.attempt)) {
    world_.broken("a result is not that of its attempt: " + result.result_json);
  }
}

void SimulatedCoordinator::check_outcome() {
  if (!scheduler_) return;
  for (const auto& [id, entry] : scheduler_->state().trials) {
    const Truth& truth = world_.truth.at(id);
    const TrialStatus status = status_of(entry.phase);
    const std::string who = "trial " + std::to_string(id.value) + " ended as " + to_string(status);
    const bool too_unlucky = truth.crashes_alone >= 3 && status == TrialStatus::kFailed;
    switch (truth.nature) {
      case Nature::kSound:
      case Nature::kHungry:
        if (status != TrialStatus::kFinished && !too_unlucky) world_.broken(who + ", was sound");
        break;
      case Nature::kCrashes:
        if (status != TrialStatus::kFailed || entry.retry.charged != 3 || truth.crashes_alone < 3) {
          world_.broken(who + ", always crashes");
        }
        break;
      case Nature::kDiverges:
        if (status != TrialStatus::kDiverged && !too_unlucky) world_.broken(who + ", diverges");
        break;
      case Nature::kBad:
        if (status != TrialStatus::kFailed) world_.broken(who + ", is badly configured");
        break;
    }
    if (entry.retry.charged > truth.crashes_alone + (truth.nature == Nature::kBad ? 1 : 0)) {
      world_.broken(who + " with more charges than it crashed alone");
    }
    if ((status == TrialStatus::kFinished) != results_.contains(id)) {
      world_.broken(who + ", and its result is not in the store");
    }
  }
}

// ---- probes -------------------------------------------------------------------------------------

void SimulatedCoordinator::probe(const Event& event) {
  const auto known = [this](SessionId session) -> const SessionMemory* {
    const auto found = scheduler_->state().sessions.find(session);
    return found == scheduler_->state().sessions.end() ? nullptr : &found->second;
  };
  if (const auto* report = std::get_if<event::Report>(&event)) {
    const SessionMemory* memory = known(report->session);
    if (memory == nullptr || report->sequence == 0) return;
    if (report->sequence <= memory->acked_sequence) world_.probe("repeated report");
    if (report->sequence > memory->acked_sequence + 1) world_.probe("report behind a gap");
    if (report->sequence == memory->acked_sequence + 1 &&
        !is_current(report->session, report->attempt)) {
      world_.probe("stale report dropped");
      if (std::holds_alternative<report::Finished>(report->body)) {
        world_.probe("stale result dropped");
      }
    }
  } else if (const auto* hello = std::get_if<event::Hello>(&event)) {
    const SessionMemory* memory = known(hello->session);
    const auto worker = scheduler_->state().workers.find(hello->session);
    if (memory != nullptr && memory->pid != hello->pid) {
      world_.probe("session went on in a new process");
    }
    if (worker != scheduler_->state().workers.end() && !worker->second.introduced) {
      world_.probe("adopted after a restart");
    }
  } else if (const auto* goodbye = std::get_if<event::Goodbye>(&event)) {
    const auto worker = scheduler_->state().workers.find(goodbye->session);
    if (worker == scheduler_->state().workers.end()) return;
    for (const auto& [index, slot] : worker->second.slots) {
      if (!slot.trials.empty()) world_.probe("goodbye with trials held");
    }
  }
}

void SimulatedCoordinator::probe(const Record& record) {
  if (const auto* result = std::get_if<record::Result>(&record)) check_result(*result);
  if (std::holds_alternative<record::AttemptRevived>(record)) world_.probe("attempt revived");
  if (const auto* node = std::get_if<record::NodeSetAside>(&record)) {
    world_.probe(node->reason.empty() ? "node came back" : "node set aside");
  }
  if (const auto* changed = std::get_if<record::TrialChanged>(&record)) {
    if (changed->retry.pack_cap > 1) world_.probe("smaller pack after out of memory");
    if (changed->retry.micro_batch_size > 0) world_.probe("smaller micro-batch");
  }
  if (const auto* ended = std::get_if<record::AttemptEnded>(&record)) {
    if (ended->end == AttemptEnd::kCrashedInPack) world_.probe("crash in a pack");
    if (ended->end == AttemptEnd::kCrashedAlone) world_.probe("crash alone");
    if (ended->end == AttemptEnd::kHandedBack) world_.probe("handed back");
    if (ended->message.find("silent") != std::string::npos) world_.probe("lease ran out");
    if (ended->message.find("is gone") != std::string::npos) world_.probe("process gone");
    if (ended->message.find("no longer holds") != std::string::npos) {
      world_.probe("held no longer");
    }
    if (ended->message.find("came back without") != std::string::npos) {
      world_.probe("came back without a trial");
    }
  }
}

}  // namespace plateau::simulation
