// The other end of a real worker's real socket, worked by hand: a test says every word that the
// coordinator says.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/transport/zeromq_endpoint.h"
#include "common/wire/codec.h"

namespace plateau::agent {

class ScriptedCoordinator {
 public:
  explicit ScriptedCoordinator(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::string address() const { return "ipc://" + (folder_ / "socket" / "c").string(); }
  void begin();
  // As kill -9 does: no goodbye.
  void vanish() { endpoint_.reset(); }

  // Answers Hellos (keeping everything), heartbeats, chunks and reports as a coordinator would,
  // until `enough` or until patience is over. All that came lies in `heard`.
  bool serve_until(const std::function<bool()>& enough, DurationMs patience_ms = 20'000);

  void send(wire::FromCoordinator message);
  void assign(std::int64_t trial, std::int64_t attempt, const std::string& trial_json);

  std::vector<wire::FromWorker> heard;
  std::size_t count(wire::Report::BodyCase body) const;
  std::optional<wire::Report> report(wire::Report::BodyCase body) const;
  std::optional<wire::Hello> last_hello() const;
  std::uint64_t session() const { return session_; }

  bool answer_reports = true;  // acknowledge them
  bool answer_chunks = true;
  std::optional<wire::Refused::Reason> refuse;
  std::map<std::string, std::string> artifacts;  // "trial/name" -> bytes so far

 private:
  void answer(const wire::FromWorker& message);

  std::filesystem::path folder_;
  std::unique_ptr<Endpoint> endpoint_;
  PeerName peer_;
  std::uint64_t session_ = 0;
  std::uint64_t committed_ = 0;
};

}  // namespace plateau::agent
