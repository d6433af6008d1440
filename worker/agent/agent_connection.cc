#include <algorithm>

#include "common/base/text.h"
#include "worker/agent/agent_core.h"

namespace plateau::agent {
namespace {

// Hellos that may be on their way at once; the answer to an older one comes too late to be of use.
constexpr std::size_t kMaxHellosUnderWay = 64;
// For so long Hello is said at its shortest interval.
constexpr DurationMs kEagerMs = 60'000;

// A coordinator answers each heartbeat, so three unanswered ones are silence, long before a lease
// ends; what follows is a Hello, which harms nobody if the coordinator was merely busy.
DurationMs silent_after_ms(const AgentOptions& options, DurationMs lease_ms) {
  const DurationMs three = std::max<DurationMs>(3 * options.heartbeat_ms, 1000);
  return std::max(options.heartbeat_ms, std::min(three, lease_ms));
}

bool contains(const std::vector<AttemptRef>& attempts, const AttemptRef& ref) {
  return std::find(attempts.begin(), attempts.end(), ref) != attempts.end();
}

}  // namespace

void AgentCore::begin_seeking(TimeMs now) {
  said_held_.clear();
  connection_ = Seeking{now, now, options_.hello_interval_ms, hellos_ + 1};
}

void AgentCore::say_hello(Seeking& seeking, TimeMs now) {
  if (now - seeking.since >= kEagerMs) {
    seeking.interval_ms = std::min(seeking.interval_ms * 2, options_.hello_interval_max_ms);
  }
  seeking.next_hello = now + seeking.interval_ms;
  const std::uint64_t number = ++hellos_;
  said_held_[number] = held();
  if (said_held_.size() > kMaxHellosUnderWay) said_held_.erase(said_held_.begin());
  act(SendHello{number, held(), reports_.first_sequence()});
}

void AgentCore::tick_connection(TimeMs now) {
  if (auto* connected = std::get_if<Connected>(&connection_)) {
    const DurationMs silence_ms = now - connected->last_heard;
    if (silence_ms >= silent_after_ms(options_, connected->lease_ms)) {
      log(Log::Level::kWarning, "the coordinator has been silent for " +
                                    std::to_string(silence_ms) +
                                    " ms; training goes on, reports are kept, connecting again");
      begin_seeking(now);
    } else if (now >= connected->next_heartbeat) {
      connected->next_heartbeat = now + options_.heartbeat_ms;
      act(SendHeartbeat{held()});
    }
  }
  if (auto* seeking = std::get_if<Seeking>(&connection_)) {
    if (now >= seeking->next_hello) say_hello(*seeking, now);
  }
  if (connected() && now - last_report_activity_ >= options_.resend_after_ms) {
    send_reports_again(now);
  }
}

void AgentCore::send_reports_again(TimeMs now) {
  last_report_activity_ = now;
  for (const Report& report : reports_.under_way())
    act(SendReport{report});
}

void AgentCore::on(const Welcome& welcome, TimeMs now) {
  const auto* seeking = std::get_if<Seeking>(&connection_);
  const auto said = said_held_.find(welcome.hello_number);
  if (seeking == nullptr || said == said_held_.end()) return;  // Repeated, or out of date.
  log(Log::Level::kInfo, "welcomed by the coordinator; it is taken for lost after " +
                             format_duration(welcome.lease_ms) + " of silence");
  const std::vector<AttemptRef> was_held = said->second;
  said_held_.clear();
  connection_ = Connected{now, now + options_.heartbeat_ms, welcome.lease_ms, welcome.hello_number};
  on(Ack{welcome.acked_sequence}, now);
  for (const AttemptRef& ref : was_held) {
    if (contains(welcome.keep, ref)) continue;
    if (Attempt* attempt = find(ref)) {
      take_away(*attempt, "the coordinator has given the trial to another worker");
    }
  }
  send_reports_again(now);
  uploads_.restart();
}

void AgentCore::on(const Refused& refused, TimeMs now) {
  switch (refused.reason) {
    case Refused::Reason::kProtocolVersion:
      exit(Exit::Why::kRefused, refused.message);
      return;
    case Refused::Reason::kUnknownSession:
      // It was started anew, or has given us up: Hello at once, with all that we hold.
      if (connected()) {
        log(Log::Level::kInfo, "the coordinator does not know this session; saying hello again");
        begin_seeking(now);
        say_hello(std::get<Seeking>(connection_), now);
      }
      return;
    case Refused::Reason::kNoMoreWork:
      begin_drain("no more work: " + refused.message, now);
      return;
    case Refused::Reason::kOther:
      log(Log::Level::kWarning, "the coordinator refused a message: " + refused.message);
      return;
  }
}

void AgentCore::on(const Ack& ack, TimeMs now) {
  if (ack.sequence < reports_.first_sequence()) return;
  last_report_activity_ = now;
  const std::vector<AttemptRef> ended = reports_.acknowledge(ack.sequence);
  act(ForgetReports{reports_.first_sequence() - 1});
  for (const AttemptRef& ref : ended) {
    if (attempts_.erase(ref) > 0) act(ReleaseAttempt{ref});
  }
}

void AgentCore::on(const HeartbeatReply& reply, TimeMs /*now*/) {
  if (auto* connected = std::get_if<Connected>(&connection_)) connected->lease_ms = reply.lease_ms;
}

void AgentCore::flush(TimeMs now) {
  // Numbered while nobody listens too: a number is what puts a report on the disk.
  const bool none_under_way = reports_.under_way().empty();
  for (Report& report : reports_.take_new()) {
    if (none_under_way) last_report_activity_ = now;
    act(KeepReport{report});
    if (connected()) act(SendReport{std::move(report)});
  }
  if (!connected()) return;
  for (SendChunk& chunk : uploads_.take_chunks(now))
    act(std::move(chunk));
}

}  // namespace plateau::agent
