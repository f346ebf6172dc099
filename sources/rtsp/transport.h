#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sources/rtsp/datagrams.h"

namespace vedette::rtsp {

// How the media come: in the RTSP connection itself, in datagrams to a pair of ports of ours, in datagrams to a group,
// or in the RTSP connection, which goes through HTTP.
enum class Transport { tcp, udp, multicast, http };
// "tcp", "udp", "multicast", "http".
std::optional<Transport> transport_of(std::string_view name);
// Whether they come in the RTSP connection, and so are protected where that is.
bool is_interleaved(Transport transport);

// What the header Transport of an answer to SETUP says (RFC 2326, section 12.39), of the first alternative in it.
struct TransportHeader {
  bool over_tcp = false;
  bool multicast = false;
  std::optional<int> channel;                    // interleaved; 0 to 254
  std::optional<Datagrams::Ports> server_ports;  // where the camera sends from
  std::optional<Address> destination;            // the group; anything else that is a number, too
  std::optional<Address> source;                 // where the camera says it sends from
  std::optional<Datagrams::Ports> group_ports;   // of multicast
  int ttl = 1;                                   // of multicast; 1 to 255
};
TransportHeader parse_transport(std::string_view text);

// The value of "name=value" among the parts behind semicolons.
std::optional<std::string_view> parameter(std::string_view text, std::string_view name);

}  // namespace vedette::rtsp
