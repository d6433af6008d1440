#include "coordinator/gateway/gateway.h"

#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "coordinator/gateway/translate.h"

namespace plateau {
namespace {

constexpr std::size_t kMaxPeers = 10'000;
constexpr std::size_t kMaxFolders = 10'000;

SessionId session_of(const wire::FromWorker& message) {
  return SessionId{static_cast<std::int64_t>(message.session())};
}

// The trial's JSON with the micro-batch that out-of-memory failures led to.
Result<std::string> with_micro_batch(const std::string& trial_json, std::int64_t micro_batch_size) {
  if (micro_batch_size == 0) return trial_json;
  nlohmann::json trial = nlohmann::json::parse(trial_json, nullptr, /*allow_exceptions=*/false);
  if (!trial.is_object()) return corrupt("A trial's JSON in the store is no JSON.");
  trial["micro_batch_size"] = micro_batch_size;
  return trial.dump();
}

bool is_over(TrialStatus status) {
  return status != TrialStatus::kQueued && status != TrialStatus::kAssigned &&
         status != TrialStatus::kRunning;
}

}  // namespace

Gateway::Gateway(Endpoint& endpoint, const Scheduler& scheduler, Store& store,
                 GatewayOptions options, LogLine log)
    : endpoint_(endpoint),
      scheduler_(scheduler),
      store_(store),
      coordinator_run_(options.coordinator_run),
      log_(std::move(log)),
      run_folder_(options.inbox.run_folder),
      inbox_(std::move(options.inbox)) {}

// ---- in -----------------------------------------------------------------------------------------

Result<std::optional<Event>> Gateway::take(const Frame& frame) {
  const std::optional<Event> none;
  const Result<wire::FromWorker> message = wire::decode_from_worker(frame.bytes);
  if (!message) {
    note_garbage(message.error().message);
    return none;
  }
  const SessionId session = session_of(*message);
  if (peers_.size() >= kMaxPeers && !peers_.contains(session)) {
    note_garbage("More than " + std::to_string(kMaxPeers) + " sessions; a new one was dropped.");
    return none;
  }
  // Whoever speaks for a session last is where its answers go: a connection may have been remade.
  peers_[session] = frame.peer;

  if (message->has_hello() && message->hello().protocol_version() != wire::kProtocolVersion) {
    refuse_version(*message);
    return none;
  }
  if (message->has_chunk()) return take_chunk(*message);
  std::optional<Event> event = to_event(*message);
  if (auto* report = std::get_if<event::Report>(&*event);
      report != nullptr && std::holds_alternative<report::Finished>(report->body)) {
    return take_finished(std::move(*report));
  }
  return event;
}

std::vector<Event> Gateway::take_lost() {
  std::vector<Event> lost;
  for (const PeerName& peer : endpoint_.take_cut_off()) {
    for (auto at = peers_.begin(); at != peers_.end();) {
      if (at->second != peer) {
        ++at;
        continue;
      }
      lost.emplace_back(event::ConnectionLost{at->first, "its key was taken off the list"});
      at = peers_.erase(at);
    }
  }
  return lost;
}

void Gateway::refuse_version(const wire::FromWorker& message) {
  const Error error =
      wire::version_mismatch(message.hello().protocol_version(), message.hello().program_version());
  log_("Refused worker " + message.hello().worker_name() + ": " + error.message);
  wire::FromCoordinator answer;
  answer.set_session(message.session());
  answer.mutable_refused()->set_reason(wire::Refused::PROTOCOL_VERSION);
  answer.mutable_refused()->set_message(error.message);
  send(session_of(message), answer);
  peers_.erase(session_of(message));
}

Result<std::optional<Event>> Gateway::take_chunk(const wire::FromWorker& message) {
  const wire::ArtifactChunk& body = message.chunk();
  const SessionId session = session_of(message);
  const AttemptRef attempt = to_attempt(body.attempt());
  const std::optional<Event> none;
  // Bytes of an attempt that lost its trial are of no use; its worker learns so by heartbeat.
  if (!is_current(session, attempt)) return none;
  const Result<std::string> folder = folder_of(attempt.trial);
  if (!folder) return folder.error();

  const ArtifactFacts artifact{body.name(), body.size_bytes(), body.sha256()};
  const Result<Receipt> receipt =
      inbox_.take({attempt, artifact, body.offset(), body.data()}, *folder);
  if (!receipt) {
    if (receipt.error().kind != ErrorKind::kInvalidArgument) return receipt.error();
    note_garbage(receipt.error().message);
    return none;
  }
  wire::FromCoordinator answer;
  answer.set_session(message.session());
  wire::ChunkAck* ack = answer.mutable_chunk_ack();
  set_attempt(attempt, ack->mutable_attempt());
  ack->set_name(body.name());
  ack->set_offset(receipt->offset);
  ack->set_credit_bytes(receipt->credit_bytes);
  ack->set_complete(receipt->complete);
  waiting_.emplace_back(session, std::move(answer));

  const std::optional<std::int64_t> step = wire::checkpoint_step(body.name());
  if (!receipt->complete || !step) return none;
  const Result<bool> kept = inbox_.adopt_checkpoint(attempt, artifact, *folder);
  if (!kept) return kept.error();
  if (!*kept) {
    log_("The checkpoint of trial " + std::to_string(attempt.trial.value) +
         " was not kept: the byte budget for checkpoints is spent.");
    return none;
  }
  return std::optional<Event>(event::CheckpointStored{attempt, *step, artifact});
}

Result<std::optional<Event>> Gateway::take_finished(event::Report report) {
  // The scheduler drops what is stale; only a current result may touch the trial's folder.
  if (!is_current(report.session, report.attempt)) return std::optional<Event>(std::move(report));
  const auto& finished = std::get<report::Finished>(report.body);
  // Nothing came, so there is nothing to lie beside: the result itself is in the store.
  if (finished.artifacts.empty()) return std::optional<Event>(std::move(report));
  const Result<std::string> folder = folder_of(report.attempt.trial);
  if (!folder) return folder.error();
  Status adopted = inbox_.adopt_result(report.attempt, finished.artifacts, *folder);
  if (adopted) adopted = write_trial_file(report.attempt.trial, *folder);
  if (!adopted) {
    if (adopted.error().kind != ErrorKind::kNotFound) return adopted.error();
    // The worker was told that all had arrived and has let go of its copy: train again.
    log_(adopted.error().message);
    report.body = report::Failed{FailureKind::kNodeFault, adopted.error().message, {}};
  }
  return std::optional<Event>(std::move(report));
}

// The trial as it was resolved, beside what it gave.
Status Gateway::write_trial_file(TrialId trial, const std::string& folder) {
  const Result<TrialText> text = store_.trial_text(trial);
  if (!text) return text.error();
  const std::filesystem::path path = run_folder_ / folder;
  if (Status made = make_folder(path); !made) return made;
  return write_file_atomically(path / "trial.json", text->json + "\n");
}

bool Gateway::is_current(SessionId session, const AttemptRef& attempt) const {
  const TrialEntry* entry = scheduler_.find(attempt.trial);
  if (entry == nullptr) return false;
  const auto is_it = [&](SessionId owner) {
    return owner == session && current_attempt(*entry) == attempt;
  };
  if (const auto* assigned = std::get_if<phase::Assigned>(&entry->phase)) {
    return is_it(assigned->session);
  }
  if (const auto* running = std::get_if<phase::Running>(&entry->phase)) {
    return is_it(running->session);
  }
  return false;
}

Result<std::string> Gateway::folder_of(TrialId trial) {
  if (const auto found = folders_.find(trial); found != folders_.end()) return found->second;
  const Result<TrialText> text = store_.trial_text(trial);
  if (!text) return text.error();
  if (folders_.size() >= kMaxFolders) folders_.clear();
  folders_[trial] = text->folder;
  return text->folder;
}

void Gateway::note_garbage(const std::string& what) {
  ++garbage_;
  // The 1st, 2nd, 4th, 8th, ...: a flood fills no disk.
  if ((garbage_ & (garbage_ - 1)) == 0) {
    log_(what + " (" + std::to_string(garbage_) + " such messages so far)");
  }
}

// ---- out ----------------------------------------------------------------------------------------

SendResult Gateway::send(SessionId session, const wire::FromCoordinator& message) {
  const auto peer = peers_.find(session);
  if (peer == peers_.end()) return SendResult::kNoPeer;
  const Result<std::string> bytes = wire::encode(message);
  if (!bytes) {
    log_(bytes.error().message);
    return SendResult::kNoPeer;
  }
  const SendResult result = endpoint_.send(peer->second, *bytes);
  // Every message is repeated, or asked for again, by one side or the other (PROTOCOL.md).
  if (result == SendResult::kNoPeer) peers_.erase(peer);
  return result;
}

void Gateway::assign(const action::Assign& assign) {
  const Result<TrialText> text = store_.trial_text(assign.attempt.trial);
  if (!text) {
    log_(text.error().message);
    return;
  }
  Result<std::string> json = with_micro_batch(text->json, assign.micro_batch_size);
  if (!json) {
    log_(json.error().message);
    return;
  }
  action::Assign resumed = assign;
  if (assign.resume)
    resumed.resume = checkpoint_for(assign.attempt.trial, *assign.resume, text->folder);
  const SendResult sent =
      send(assign.session, to_message(resumed, std::move(*json), /*with_resume=*/true));
  if (resumed.resume && sent == SendResult::kSent) {
    outbox_.begin(assign.session, assign.attempt, inbox_.resume_path(*resumed.resume, text->folder),
                  resumed.resume->artifact.size_bytes);
  }
}

std::optional<ResumePoint> Gateway::checkpoint_for(TrialId trial, const ResumePoint& newest,
                                                   const std::string& folder) {
  std::optional<ResumePoint> usable = inbox_.usable_checkpoint(newest, folder);
  if (!usable || usable->step != newest.step || usable->written_by != newest.written_by) {
    log_("The checkpoint " + inbox_.resume_path(newest, folder).string() +
         " is gone or damaged; trial " + std::to_string(trial.value) +
         (usable ? " goes on from the older one of step " + std::to_string(usable->step) + "."
                 : " starts afresh."));
  }
  return usable;
}

void Gateway::perform(const Action& action) {
  struct Visitor {
    Gateway& gateway;
    void operator()(const action::Commit& commit) const { gateway.clean_up(commit.record); }
    void operator()(const action::Welcome& welcome) const {
      gateway.send(welcome.session, to_message(welcome, gateway.coordinator_run_));
    }
    void operator()(const action::Refuse& refuse) const {
      gateway.send(refuse.session, to_message(refuse));
      gateway.peers_.erase(refuse.session);
    }
    void operator()(const action::Assign& assign) const { gateway.assign(assign); }
    void operator()(const action::Cancel& cancel) const {
      gateway.send(cancel.session, to_message(cancel));
    }
    void operator()(const action::Ack& ack) const { gateway.send(ack.session, to_message(ack)); }
    void operator()(const action::HeartbeatReply& reply) const {
      gateway.send(reply.session, to_message(reply));
    }
    void operator()(const action::StopWorker& stop) const {
      gateway.send(stop.session, to_message(stop));
    }
    void operator()(const action::RunEnded&) const {}
  };
  std::visit(Visitor{*this}, action);
}

// Files that a committed record made useless.
void Gateway::clean_up(const Record& record) {
  if (const auto* checkpoint = std::get_if<record::Checkpoint>(&record)) {
    if (const Result<std::string> folder = folder_of(checkpoint->trial)) {
      inbox_.drop_old_checkpoints(checkpoint->resume, *folder);
    }
  } else if (const auto* ended = std::get_if<record::AttemptEnded>(&record)) {
    if (const Result<std::string> folder = folder_of(ended->attempt.trial)) {
      inbox_.drop_attempt(ended->attempt, *folder);
    }
  } else if (const auto* changed = std::get_if<record::TrialChanged>(&record)) {
    if (!is_over(changed->status)) return;
    if (const Result<std::string> folder = folder_of(changed->trial)) inbox_.drop_trial(*folder);
  }
}

void Gateway::clean_up_after_crash(const std::vector<RestoredTrial>& trials) {
  const std::set<std::string> unclean = inbox_.folders_to_clean();
  if (unclean.empty()) return;
  for (const RestoredTrial& trial : trials) {
    if (!is_over(trial.status)) continue;
    const Result<std::string> folder = folder_of(trial.facts.id);
    if (folder && unclean.count(*folder) > 0) inbox_.drop_trial(*folder);
  }
}

bool Gateway::flush() {
  bool sent_any = !waiting_.empty();
  for (const auto& [session, message] : waiting_)
    send(session, message);
  waiting_.clear();
  outbox_.pump([&](SessionId session, const wire::FromCoordinator& message) {
    const SendResult result = send(session, message);
    sent_any = sent_any || result == SendResult::kSent;
    return result;
  });
  return sent_any;
}

}  // namespace plateau
