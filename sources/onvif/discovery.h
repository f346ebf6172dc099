#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "sources/onvif/discovery_messages.h"

namespace vedette::onvif {

struct Discovered {
  static constexpr size_t kMostCameras = 256;
  std::vector<FoundCamera> cameras;  // by URL; of each endpoint address one
  bool truncated = false;            // there were more cameras, or answers, than are looked at
};

// Asks by multicast (239.255.255.250, UDP port 3702) which ONVIF cameras there are, on every IPv4 interface that is up,
// and gathers the answers until the time is over; multicast does not pass routers. With an `address` only that one is
// asked. The answers are whatever anybody in the network sends: the count of datagrams, their size and all in them is
// bounded. For a thread that may wait; returns within 50 ms of the stop.
//
// Errors: camera_unavailable (there is no interface to ask on, or no way to the address), cancelled.
Result<Discovered> discover(microseconds time, const std::string& address, const std::stop_token& stop);

// Whether the text is the IPv4 address of one machine.
bool is_unicast_ipv4(const std::string& text);

}  // namespace vedette::onvif
