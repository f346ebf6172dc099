#pragma once

#include <functional>
#include <string>

#include "core/clock.h"
#include "core/result.h"

namespace vedette::mqtt {

// The kinds of address that a name has.
struct Addresses {
  bool ipv4 = false;
  bool ipv6 = false;
};

// Looks a host name up and gives up when `interrupted` turns true, within 100 ms, or at the deadline: getaddrinfo alone
// waits for half a minute when the network is gone, which no stop may. libmosquitto looks the name up again, in the
// session's thread; it is only let when this has just succeeded.
// Errors: cancelled, timed_out, camera_unavailable with the resolver's words.
Result<Addresses> look_up(const std::string& host, MonoTime deadline, const std::function<bool()>& interrupted);

}  // namespace vedette::mqtt
