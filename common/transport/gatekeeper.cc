#include "common/transport/gatekeeper.h"

#include <array>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/check.h"

namespace plateau {
namespace fs = std::filesystem;
namespace {

constexpr const char* kZapAddress = "inproc://zeromq.zap.01";
constexpr const char* kMonitorAddress = "inproc://plateau.gate.events";
constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED |
                        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                        ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH;
constexpr DurationMs kLookMs = 500;  // between two looks at the list's date
constexpr std::size_t kZapParts = 7;

std::string host_of(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return "a host";
  const void* number =
      address.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr)
          : &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
  if (::inet_ntop(address.ss_family, number, text.data(), text.size()) == nullptr) return "a host";
  return text.data();
}

std::string explain(std::uint16_t event, std::uint32_t value) {
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) return "its key was refused";
  if (event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) return "it never said who it is";
  switch (value) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
      return "it has no key, and this coordinator wants one";
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
      return "its file names another coordinator's key, or its bytes were changed on the way";
    default:
      return "it does not speak ZeroMQ's protocol as a worker does";
  }
}

fs::file_time_type date_of(const fs::path& file) {
  std::error_code ignored;
  return fs::last_write_time(file, ignored);
}

}  // namespace

Result<std::unique_ptr<Gatekeeper>> Gatekeeper::make(zmq::context_t& context,
                                                     const std::optional<fs::path>& list,
                                                     RefusalPrint print) {
  std::unique_ptr<Gatekeeper> gate(new Gatekeeper(context, list, std::move(print)));
  if (!list) return gate;
  // The date first: a change in between is read again, not missed.
  gate->list_changed_ = date_of(*list);
  Result<WorkerList> workers = read_worker_list(*list);
  if (!workers) return workers.error();
  gate->workers_ = std::move(*workers);
  return gate;
}

Gatekeeper::Gatekeeper(zmq::context_t& context, std::optional<fs::path> list, RefusalPrint print)
    : list_(std::move(list)),
      print_(print ? std::move(print) : [](const std::string&) {}),
      zap_(context, zmq::socket_type::rep),
      monitor_(context, zmq::socket_type::pair),
      stop_fd_(eventfd(0, EFD_CLOEXEC)) {
  PLATEAU_CHECK(stop_fd_ >= 0, "eventfd failed: too many open files?");
  zap_.set(zmq::sockopt::linger, 0);
  monitor_.set(zmq::sockopt::linger, 0);
  // Without limits here: a full queue would hold up ZeroMQ's own thread. What fills it is bounded
  // by the connections that are half open.
  monitor_.set(zmq::sockopt::rcvhwm, 0);
  if (list_) zap_.bind(kZapAddress);
}

Gatekeeper::~Gatekeeper() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    PLATEAU_CHECK(write(stop_fd_, &one, sizeof one) == sizeof one, "writing to an eventfd failed");
    thread_.join();
  }
  close(stop_fd_);
}

void Gatekeeper::watch(zmq::socket_t& socket) {
  PLATEAU_CHECK(zmq_socket_monitor(socket.handle(), kMonitorAddress, kEvents) == 0,
                "ZeroMQ refused to be watched");
  monitor_.connect(kMonitorAddress);
  thread_ = std::thread([this] { run(); });
}

bool Gatekeeper::admits(std::string_view public_key) const {
  if (!list_) return true;
  const std::lock_guard<std::mutex> lock(mutex_);
  return workers_.find(public_key) != workers_.end();
}

void Gatekeeper::run() {
  while (true) {
    std::array<zmq::pollitem_t, 3> items{{{monitor_.handle(), 0, ZMQ_POLLIN, 0},
                                          {nullptr, stop_fd_, ZMQ_POLLIN, 0},
                                          {zap_.handle(), 0, ZMQ_POLLIN, 0}}};
    try {
      zmq::poll(items.data(), items.size(), std::chrono::milliseconds(kLookMs));
      if ((items[1].revents & ZMQ_POLLIN) != 0) return;
      take_events();
      if (list_) {
        reload(system_clock().monotonic_ms());
        if ((items[2].revents & ZMQ_POLLIN) != 0) answer_zap();
      }
    } catch (const zmq::error_t& error) {
      if (error.num() == ETERM) return;
      if (error.num() != EINTR)
        refuse("The watch over the port failed: " + std::string(error.what()));
    }
  }
}

// One question and its answer, RFC 27: version, id, domain, address, identity, mechanism, key.
void Gatekeeper::answer_zap() {
  std::vector<zmq::message_t> parts;
  bool more = true;
  while (more) {
    zmq::message_t part;
    if (!zap_.recv(part)) return;
    more = part.more();
    parts.push_back(std::move(part));
  }
  std::string key;
  if (parts.size() == kZapParts && parts[5].to_string_view() == "CURVE" && parts[6].size() == 32) {
    std::array<char, kKeyCharacters + 1> text{};
    zmq_z85_encode(text.data(), parts[6].data<std::uint8_t>(), parts[6].size());
    key = text.data();
  }
  const bool good = !key.empty() && admits(key);
  if (!good) {
    const std::string host = parts.size() > 3 ? parts[3].to_string() : "a host";
    refuse("Refused a worker from " + host + ": its key " + key +
           " is not in the list; `plateau keys list` shows who is");
  }
  const std::string id = parts.size() > 1 ? parts[1].to_string() : "";
  const std::array<std::string, 6> answer{
      "1.0", id, good ? "200" : "400", good ? "" : "not listed", good ? key : "", ""};
  for (std::size_t i = 0; i < answer.size(); ++i) {
    const bool last = i + 1 == answer.size();
    zap_.send(zmq::buffer(answer[i]), last ? zmq::send_flags::none : zmq::send_flags::sndmore);
  }
}

void Gatekeeper::take_events() {
  while (true) {
    zmq::message_t facts;
    zmq::message_t address;
    if (!monitor_.recv(facts, zmq::recv_flags::dontwait)) return;
    if (facts.more()) static_cast<void>(monitor_.recv(address));
    std::uint16_t event = 0;
    std::uint32_t value = 0;
    if (facts.size() < sizeof event + sizeof value) continue;
    std::memcpy(&event, facts.data(), sizeof event);
    std::memcpy(&value, facts.data<char>() + sizeof event, sizeof value);
    take_event(event, value);
  }
}

// ZeroMQ tells of a failed handshake and then, before anything else, of the connection's end, which
// alone has the descriptor.
void Gatekeeper::take_event(std::uint16_t event, std::uint32_t value) {
  const TimeMs now_ms = system_clock().monotonic_ms();
  switch (event) {
    case ZMQ_EVENT_ACCEPTED:
      return on_accepted(static_cast<int>(value), now_ms);
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
      if (!half_open_.empty()) half_open_.pop_front();
      return;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
      failure_ = explain(event, value);
      return;
    case ZMQ_EVENT_DISCONNECTED: {
      const auto connection = connections_.find(static_cast<int>(value));
      const bool known = connection != connections_.end();
      if (failure_ && !(known && connection->second.cut)) {
        const std::string host = known ? connection->second.host : "a host";
        refuse("Refused a connection from " + host + ": " + *failure_);
        if (!half_open_.empty()) half_open_.pop_front();
      }
      failure_.reset();
      if (known) connections_.erase(connection);
      return;
    }
    default:
      return;
  }
}

void Gatekeeper::on_accepted(int fd, TimeMs now_ms) {
  const std::string host = host_of(fd);
  connections_[fd] = {host, /*cut=*/false};
  // ZeroMQ has ended older ones itself, whatever became of the news of it.
  while (!half_open_.empty() && now_ms - half_open_.front() > kHandshakeMs + 1000)
    half_open_.pop_front();
  half_open_.push_back(now_ms);
  if (half_open_.size() <= kMaxHalfOpen) return;
  half_open_.pop_back();
  connections_[fd].cut = true;
  refuse("Cut a connection from " + host + ": " + std::to_string(kMaxHalfOpen) +
         " others have not said yet who they are");
  // ZeroMQ owns the descriptor and closes it when it reads the end. Should it be another socket by
  // now, that worker connects again.
  ::shutdown(fd, SHUT_RDWR);
}

void Gatekeeper::reload(TimeMs now_ms) {
  if (now_ms < next_look_ms_) return;
  next_look_ms_ = now_ms + kLookMs;
  const fs::file_time_type date = date_of(*list_);
  if (date == list_changed_) return;
  list_changed_ = date;
  Result<WorkerList> workers = read_worker_list(*list_);
  if (!workers) {
    print_("The list of workers' keys could not be read again; the one of before stays in force: " +
           workers.error().message);
    return;
  }
  const std::size_t count = workers->size();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    workers_ = std::move(*workers);
  }
  print_("The list of workers' keys has changed: " + std::to_string(count) + " may take part.");
}

void Gatekeeper::refuse(const std::string& what) {
  if (const auto line = refusals_.add(what, system_clock().monotonic_ms())) print_(*line);
}

}  // namespace plateau
