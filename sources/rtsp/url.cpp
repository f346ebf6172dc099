#include "sources/rtsp/url.h"

#include "sources/network_url.h"
#include "sources/rtsp/message.h"

namespace vedette::rtsp {

namespace {

constexpr std::string_view kScheme = "rtsp://";
constexpr std::string_view kTlsScheme = "rtsps://";
constexpr uint16_t kPort = 554;
constexpr uint16_t kTlsPort = 322;  // IANA

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
  url.text = std::string(scheme) + parts->authority() + (parts->path.empty() ? "/" : parts->path) + query;
  return url;
}

}  // namespace vedette::rtsp
