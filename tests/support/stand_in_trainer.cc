// stand-in-trainer serve --device DEVICE: speaks the trainer's pipe protocol and trains nothing.
//
// Its numbers follow from the trial's key (stand_in_trial.h). How it behaves, faults included, is
// JSON in the environment variable PLATEAU_STAND_IN, with these defaults:
//   {"steps": 20, "step_ms": 5, "checkpoint_steps": 5, "evaluation_steps": 0, "faults": []}
// evaluation_steps: so often it reports the validation accuracy, which rises to that of the result.
// A fault: {"kind": K, "trial": N or 0 for all, "step": S, "attempts": A}: at step S of trial N, in
// its first A attempts (0: in all). Kinds: crash (abort), exit (code 3), kill (SIGKILL to itself),
// leave (the same, with a child left behind that holds the pipe open), hang (no frame any more),
// garbage (no frame on the pipe), deaf (ignores stop and cancel), out_of_memory, diverged,
// bad_configuration, node_fault.
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/spec/methods.h"
#include "common/spec/pipe.h"
#include "common/spec/trial.h"
#include "tests/support/stand_in_trial.h"

namespace plateau::stand_in {
namespace {

using Json = nlohmann::json;

struct Fault {
  std::string kind;
  std::int64_t trial = 0;
  std::int64_t step = 0;
  std::int64_t attempts = 0;
};

struct Behaviour {
  std::int64_t steps = 20;
  std::int64_t step_ms = 5;
  std::int64_t checkpoint_steps = 5;
  std::int64_t evaluation_steps = 0;  // 0: never
  std::vector<Fault> faults;
};

Behaviour read_behaviour() {
  Behaviour behaviour;
  const char* text = std::getenv("PLATEAU_STAND_IN");
  if (text == nullptr) return behaviour;
  const Json json = Json::parse(text);
  behaviour.steps = json.value("steps", behaviour.steps);
  behaviour.step_ms = json.value("step_ms", behaviour.step_ms);
  behaviour.checkpoint_steps = json.value("checkpoint_steps", behaviour.checkpoint_steps);
  behaviour.evaluation_steps = json.value("evaluation_steps", behaviour.evaluation_steps);
  for (const Json& fault : json.value("faults", Json::array())) {
    behaviour.faults.push_back({fault.at("kind"), fault.value("trial", std::int64_t{0}),
                                fault.value("step", std::int64_t{1}),
                                fault.value("attempts", std::int64_t{0})});
  }
  return behaviour;
}

struct Member {
  std::int64_t trial = 0;
  std::int64_t attempt = 0;
  bool alone = false;
  std::string group;
  std::filesystem::path folder;
  TimeMs begun_ms = 0;
  Run run;
};

class StandIn {
 public:
  StandIn(Behaviour behaviour, int frames_fd) : behaviour_(std::move(behaviour)), out_(frames_fd) {}

  int serve() {
    send({{"type", "hello"},
          {"protocol", pipe::kProtocol},
          {"version", "stand-in"},
          {"device", "cpu"},
          {"device_name", "stand-in"},
          {"torch", "none"}});
    while (true) {
      const bool idle = pack_.empty() && waiting_.empty();
      if (!listen(idle ? -1 : static_cast<int>(behaviour_.step_ms))) return 0;
      if (stopped_) return 0;
      join();
      step_all();
    }
  }

 private:
  void send(const Json& frame) { send_bytes(pipe::encode(frame)); }

  void send_bytes(const std::string& bytes) const {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t written = ::write(out_, bytes.data() + done, bytes.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) std::exit(0);  // The agent is gone.
      done += static_cast<std::size_t>(written);
    }
  }

  // Waits for frames, at most timeout_ms (-1: for ever). False: end of file, the agent is gone.
  bool listen(int timeout_ms) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const TimeMs until = system_clock().monotonic_ms() + timeout_ms;
    while (true) {
      const TimeMs left = std::max<TimeMs>(until - system_clock().monotonic_ms(), 0);
      if (::poll(&input, 1, timeout_ms < 0 ? -1 : static_cast<int>(left)) <= 0) return true;
      char buffer[65536];
      const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
      if (got <= 0) return got < 0 && errno == EINTR;
      decoder_.feed({buffer, static_cast<std::size_t>(got)});
      while (true) {
        Result<std::optional<Json>> frame = decoder_.next();
        if (!frame) std::exit(2);
        if (!frame->has_value()) break;
        take(**frame);
      }
      if (timeout_ms < 0 || stopped_) return true;
    }
  }

  void take(const Json& frame) {
    const std::string type = frame.at("type");
    if (deaf_ && type != "assign") return;
    if (type == "assign") {
      assign(frame);
    } else if (type == "cancel") {
      cancel(frame.at("trial_id"), frame.at("attempt"));
    } else if (type == "checkpoint") {
      for (Member& member : pack_)
        checkpoint(member);
    } else if (type == "stop") {
      stop();
    }
  }

  void assign(const Json& frame) {
    Member member;
    member.trial = frame.at("trial_id");
    member.attempt = frame.at("attempt");
    member.alone = frame.at("alone");
    member.folder = frame.at("folder").get<std::string>();
    const Result<Trial> trial = trial_from_json(frame.at("trial"));
    if (!trial) return fail(member, "bad_configuration", trial.error().message);
    const MethodSchema* method = find_method(trial->adapter.method);
    member.group = trial->base.sha256 + " " + trial->protocol.precision;
    member.run.key = trial_key(*trial);
    member.run.label = trial_label(*trial);
    member.run.is_baseline = method != nullptr && method->is_baseline;
    member.run.rank = trial->adapter.parameters.value("rank", std::int64_t{0});
    member.run.steps_total = behaviour_.steps;
    member.run.link = first_link(member.run.key);
    if (frame.at("resume").is_string()) {
      if (const Status read = read_checkpoint(frame["resume"].get<std::string>(), member.run);
          !read) {
        std::fprintf(stderr, "%s; from the start\n", read.error().message.c_str());
      }
    }
    waiting_.push_back(std::move(member));
  }

  void join() {
    while (!waiting_.empty()) {
      const Member& next = waiting_.front();
      const bool fits = pack_.empty() ||
                        (!next.alone && !pack_.front().alone && next.group == pack_.front().group);
      if (!fits) return;
      pack_.push_back(next);
      waiting_.pop_front();
      Member& member = pack_.back();
      member.begun_ms = system_clock().monotonic_ms();
      send({{"type", "started"},
            {"trial_id", member.trial},
            {"attempt", member.attempt},
            {"step", member.run.step},
            {"steps_total", member.run.steps_total}});
    }
  }

  void step_all() {
    std::vector<Member> pack;
    pack.swap(pack_);
    for (Member& member : pack) {
      if (step(member)) pack_.push_back(std::move(member));
    }
  }

  // False: the member is out.
  bool step(Member& member) {
    Run& run = member.run;
    if (run.step < run.steps_total) {
      ++run.step;
      run.link = next_link(run.link, run.step);
    }
    for (const Fault& fault : behaviour_.faults) {
      const bool here = (fault.trial == 0 || fault.trial == member.trial) &&
                        fault.step == run.step &&
                        (fault.attempts == 0 || member.attempt <= fault.attempts);
      if (here && !suffer(member, fault.kind)) return false;
    }
    const double loss = train_loss(run.key, run.step);
    Json frame{{"trial_id", member.trial}, {"attempt", member.attempt}, {"step", run.step}};
    Json progress = frame;
    progress.update({{"type", "progress"},
                     {"steps_total", run.steps_total},
                     {"loss", loss},
                     {"tokens_per_s", 1000.0}});
    send(progress);
    if (run.step % 5 == 0 || run.step == run.steps_total) {
      frame.update({{"type", "metric"}, {"split", "train"}, {"name", "loss"}, {"value", loss}});
      send(frame);
    }
    if (behaviour_.evaluation_steps > 0 && run.step % behaviour_.evaluation_steps == 0) {
      const double share = static_cast<double>(run.step) / static_cast<double>(run.steps_total);
      const double accuracy = test_accuracy(run.key, run.steps_total) * std::sqrt(share) - 0.01;
      frame.update(
          {{"type", "metric"}, {"split", "validation"}, {"name", "accuracy"}, {"value", accuracy}});
      send(frame);
    }
    if (run.step >= run.steps_total) {
      finish_member(member);
      return false;
    }
    if (behaviour_.checkpoint_steps > 0 && run.step % behaviour_.checkpoint_steps == 0) {
      checkpoint(member);
    }
    return true;
  }

  bool suffer(const Member& member, const std::string& kind) {
    std::fprintf(stderr, "stand-in: trial %lld suffers %s\n", static_cast<long long>(member.trial),
                 kind.c_str());
    if (kind == "crash") std::abort();
    if (kind == "exit") std::_Exit(3);
    const bool is_left_behind = kind == "leave" && ::fork() == 0;
    if (kind == "kill" || (kind == "leave" && !is_left_behind)) ::raise(SIGKILL);
    if (kind == "garbage") send_bytes("this is no frame at all, and too long for a length");
    if (kind == "deaf") deaf_ = true;
    if (kind == "hang" || is_left_behind) {
      while (true)
        ::pause();
    }
    const bool said = kind == "out_of_memory" || kind == "diverged" ||
                      kind == "bad_configuration" || kind == "node_fault";
    if (said) fail(member, kind, "made up by the stand-in trainer");
    return !said;
  }

  void fail(const Member& member, const std::string& kind, const std::string& message) {
    send({{"type", "failed"},
          {"trial_id", member.trial},
          {"attempt", member.attempt},
          {"kind", kind},
          {"message", message}});
  }

  void checkpoint(const Member& member) {
    Result<Json> file = write_checkpoint(member.run, member.folder);
    if (!file) {
      std::fprintf(stderr, "%s\n", file.error().message.c_str());
      return;
    }
    file->update({{"type", "checkpoint"},
                  {"trial_id", member.trial},
                  {"attempt", member.attempt},
                  {"step", member.run.step}});
    send(*file);
  }

  void finish_member(const Member& member) {
    const double seconds =
        static_cast<double>(system_clock().monotonic_ms() - member.begun_ms) / 1000.0;
    Result<Finished> finished = finish(member.run, member.folder, seconds);
    if (!finished) return fail(member, "node_fault", finished.error().message);
    send({{"type", "finished"},
          {"trial_id", member.trial},
          {"attempt", member.attempt},
          {"result", finished->result},
          {"artifacts", finished->artifacts}});
  }

  void say(const char* type, const Member& member) {
    send({{"type", type}, {"trial_id", member.trial}, {"attempt", member.attempt}});
  }

  void cancel(std::int64_t trial, std::int64_t attempt) {
    const auto drop = [&](const Member& member) {
      if (member.trial != trial || member.attempt != attempt) return false;
      say("dropped", member);
      return true;
    };
    pack_.erase(std::remove_if(pack_.begin(), pack_.end(), drop), pack_.end());
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), drop), waiting_.end());
  }

  void stop() {
    for (const Member& member : pack_) {
      checkpoint(member);
      say("handed_back", member);
    }
    for (const Member& member : waiting_)
      say("handed_back", member);
    stopped_ = true;
  }

  Behaviour behaviour_;
  int out_;
  pipe::Decoder decoder_;
  std::vector<Member> pack_;
  std::deque<Member> waiting_;
  bool stopped_ = false;
  bool deaf_ = false;
};

}  // namespace
}  // namespace plateau::stand_in

int main(int argc, char** argv) {
  if (argc < 2 || std::string(argv[1]) != "serve") {
    std::fprintf(stderr, "usage: stand-in-trainer serve --device DEVICE\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const int frames = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  return plateau::stand_in::StandIn(plateau::stand_in::read_behaviour(), frames).serve();
}
