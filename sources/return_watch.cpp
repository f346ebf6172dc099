#include "sources/return_watch.h"

#include <algorithm>
#include <array>

#include "core/thread.h"
#include "sources/network_url.h"
#include "sources/rtsp/connection.h"
#include "sources/vendor_url.h"

namespace vedette {

namespace {

struct Scheme {
  std::string_view name;
  uint16_t port;
};

// Ports by IANA; a vendor's is that of its RTSP.
constexpr std::array kOverTcp = {Scheme{"rtsp", 554},  Scheme{"rtsps", 322}, Scheme{"http", 80},   Scheme{"https", 443},
                                 Scheme{"rtmp", 1935}, Scheme{"hik", 554},   Scheme{"dahua", 554}, Scheme{"onvif", 80}};

bool takes_connections(const TcpEndpoint& there, const std::stop_token& stop) {
  const MonoTime deadline = Clock::system().mono() + ReturnWatch::kPatience;
  return rtsp::connect_tcp(there.host, there.port, deadline, stop).has_value();
}

}  // namespace

std::optional<TcpEndpoint> tcp_endpoint(std::string_view text) {
  const std::string_view name = text.substr(0, text.find("://"));
  const auto* const scheme = std::find_if(kOverTcp.begin(), kOverTcp.end(), [&](auto& s) { return s.name == name; });
  if (scheme == kOverTcp.end()) return std::nullopt;
  std::string plain(text);
  if (const auto vendor = parse_vendor_url(text)) plain = vendor->scheme + "://" + vendor->authority;
  auto url = parse_network_url(plain);
  if (!url) return std::nullopt;
  return TcpEndpoint{std::move(url->host), url->port == 0 ? scheme->port : url->port};
}

bool ReturnWatch::wait(microseconds pause, const std::stop_token& stop) const {
  const MonoTime end = Clock::system().mono() + pause;
  if (endpoint_ && pause >= kShortest && !takes_connections(*endpoint_, stop))
    while (!wait_until(std::min(end, Clock::system().mono() + kEvery), stop) && Clock::system().mono() < end)
      if (takes_connections(*endpoint_, stop)) return true;
  wait_until(end, stop);
  return false;
}

}  // namespace vedette
