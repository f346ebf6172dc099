#include "sources/rtsp/url.h"

#include "sources/network_url.h"
#include "sources/rtsp/message.h"

namespace vedette::rtsp {

namespace {

constexpr std::string_view kScheme = "rtsp://";
constexpr std::string_view kTlsScheme = "rtsps://";
constexpr uint16_t kPort = 554;
constexpr uint16_t kTlsPort = 322;  // IANA
constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;

bool begins_with(std::string_view text, std::string_view scheme) {
  return equal_ignoring_case(text.substr(0, scheme.size()), scheme);
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  Url url;
  url.tls = begins_with(text, kTlsScheme);
  const std::string_view scheme = url.tls ? kTlsScheme : kScheme;
  if (!begins_with(text, scheme)) return fail(Code::unsupported, "the URL begins with neither rtsp:// nor rtsps://");
  const auto parts = parse_network_url(text);
  if (!parts) return parts.error_as_is();
  url.host = parts->host;
  url.port_given = parts->port != 0;
  url.port = url.port_given ? parts->port : url.tls ? kTlsPort : kPort;
  const std::string query = parts->query.empty() ? "" : "?" + parts->query;
  url.path = (parts->path.empty() ? "/" : parts->path) + query;
  url.text = std::string(scheme) + parts->authority() + url.path;
  return url;
}

uint16_t tunnel_port(const Url& url) {
  if (url.port_given) return url.port;
  return url.tls ? kHttpsPort : kHttpPort;
}

}  // namespace vedette::rtsp
