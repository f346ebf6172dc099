#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sources/rtsp/datagrams.h"

namespace vedette::rtsp {

// How the media come: in the RTSP connection itself, or in datagrams to a pair of ports of ours.
enum class Transport { tcp, udp };
// "tcp", "udp".
std::optional<Transport> transport_of(std::string_view name);

// What the header Transport of an answer to SETUP says (RFC 2326, section 12.39), of the first alternative in it.
struct TransportHeader {
  bool over_tcp = false;
  bool multicast = false;
  std::optional<int> channel;                    // interleaved; 0 to 254
  std::optional<Datagrams::Ports> server_ports;  // where the camera sends from
};
TransportHeader parse_transport(std::string_view text);

// The value of "name=value" among the parts behind semicolons.
std::optional<std::string_view> parameter(std::string_view text, std::string_view name);

}  // namespace vedette::rtsp
