#include "sources/rtsp/transport.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"
#include "sources/rtsp/message.h"

namespace vedette::rtsp {

namespace {

constexpr int kMostChannel = 254;  // RTCP has the next one
constexpr int kMostTtl = 255;

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

// "6970-6971", or "6970" for the same.
std::optional<Datagrams::Ports> ports(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  const auto first = number<uint16_t>(*text);
  if (!first || *first == 0 || *first == UINT16_MAX) return std::nullopt;
  const size_t dash = text->find('-');
  const auto second = dash == std::string_view::npos ? std::nullopt : number<uint16_t>(text->substr(dash + 1));
  return Datagrams::Ports{*first, second.value_or(0) != 0 ? *second : static_cast<uint16_t>(*first + 1)};
}

std::optional<Address> address(std::optional<std::string_view> text) {
  return text ? Address::numeric(*text, 0) : std::nullopt;
}

bool has(std::string_view text, std::string_view word) {
  for (const std::string_view part : split(text, ';'))
    if (equal_ignoring_case(trimmed(part), word)) return true;
  return false;
}

}  // namespace

std::optional<Transport> transport_of(std::string_view name) {
  if (name == "tcp") return Transport::tcp;
  if (name == "udp") return Transport::udp;
  if (name == "multicast") return Transport::multicast;
  if (name == "http") return Transport::http;
  return std::nullopt;
}

bool is_interleaved(Transport transport) {
  return transport == Transport::tcp || transport == Transport::http;
}

std::optional<std::string_view> parameter(std::string_view text, std::string_view name) {
  for (const std::string_view part : split(text, ';')) {
    const std::string_view one = trimmed(part);
    const size_t equals = one.find('=');
    if (equals != std::string_view::npos && equal_ignoring_case(trimmed(one.substr(0, equals)), name))
      return trimmed(one.substr(equals + 1));
  }
  return std::nullopt;
}

TransportHeader parse_transport(std::string_view text) {
  text = text.substr(0, text.find(','));
  TransportHeader out;
  out.over_tcp = has(text, "RTP/AVP/TCP") || parameter(text, "interleaved");
  out.multicast = has(text, "multicast");
  if (const auto channels = parameter(text, "interleaved"))
    if (const auto channel = number<int>(*channels); channel && *channel >= 0 && *channel <= kMostChannel)
      out.channel = channel;
  out.server_ports = ports(parameter(text, "server_port"));
  out.destination = address(parameter(text, "destination"));
  out.source = address(parameter(text, "source"));
  out.group_ports = ports(parameter(text, "port"));
  if (!out.group_ports) out.group_ports = ports(parameter(text, "client_port"));  // so some say it
  if (const auto ttl = parameter(text, "ttl")) out.ttl = std::clamp(number<int>(*ttl).value_or(1), 1, kMostTtl);
  return out;
}

}  // namespace vedette::rtsp
