#include "common/transport/address.h"

#include <string>

namespace plateau {
namespace {

// "127.0.0.1", but not "127.0.0.1.example.org": a name may mean any host.
bool is_loopback_number(std::string_view host) {
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

bool stays_on_this_host(std::string_view address) {
  if (address.starts_with("ipc://")) return true;
  constexpr std::string_view kTcp = "tcp://";
  if (!address.starts_with(kTcp)) return false;
  address.remove_prefix(kTcp.size());
  const std::string_view host = address.substr(0, address.rfind(':'));
  return is_loopback_number(host) || host == "[::1]" || host == "localhost";
}

}  // namespace plateau
