#pragma once

#include <string>
#include <string_view>
#include <vector>

// The two messages of WS-Discovery (April 2005, as ONVIF Core has it) that are needed to find cameras.
namespace vedette::onvif {

struct FoundCamera {
  static constexpr size_t kMostXaddrs = 4;
  static constexpr size_t kMostScopes = 8;
  std::string address;              // of the endpoint, the same for ever: "urn:uuid:..."
  std::vector<std::string> xaddrs;  // of its device service, one at least
  std::string name;                 // as its scopes tell; empty: they do not
  std::string hardware;
  std::vector<std::string> scopes;
  std::string url;   // what is to be configured: "onvif://10.0.0.5:80"
  bool tls = false;  // that is asked by HTTPS
};

// Who is a network video transmitter? `id` is a UUID.
std::string probe_message(std::string_view id);

// The cameras of an answer to the probe with that id; none when it is no such answer, and without those that make no
// sense: a datagram can come from anybody. `sender` is the address that it came from: of several that a camera names,
// that one is it.
std::vector<FoundCamera> read_probe_matches(std::string_view datagram, std::string_view id, std::string_view sender);

}  // namespace vedette::onvif
