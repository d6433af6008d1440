// What an address says about who can reach it.
#pragma once

#include <string_view>

namespace plateau {

// True for ipc:// and for tcp:// on the loopback device ("127.…", "[::1]", "localhost"): what is
// said there stays on this host. False for every other address, names included, since a name may
// mean anything.
bool stays_on_this_host(std::string_view address);

}  // namespace plateau
