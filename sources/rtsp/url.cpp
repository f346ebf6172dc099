#include "sources/rtsp/url.h"

#include <charconv>

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
  url.port = url.tls ? kTlsPort : kPort;
  const std::string_view scheme = url.tls ? kTlsScheme : kScheme;
  if (!begins_with(text, scheme)) return fail(Code::unsupported, "the URL begins with neither rtsp:// nor rtsps://");
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
      return fail(Code::invalid_argument, "the URL holds a blank or a control character; percent-encode it");
  std::string_view rest = text.substr(scheme.size());
  const std::string_view path = rest.substr(std::min(rest.size(), rest.find_first_of("/?#")));
  std::string_view authority = rest.substr(0, rest.size() - path.size());
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  url.text = std::string(scheme) + std::string(authority) + (path.empty() ? "/" : std::string(path));
  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    if (end == std::string_view::npos) return fail(Code::invalid_argument, "the URL's address has no closing bracket");
    url.host = authority.substr(1, end - 1);
    port = authority.substr(end + 1);
  } else {
    url.host = authority.substr(0, authority.find(':'));
    port = authority.substr(url.host.size());
  }
  if (url.host.empty()) return fail(Code::invalid_argument, "the URL names no host");
  if (port.empty()) return url;
  const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
  if (port.front() != ':' || error != std::errc() || end != port.data() + port.size() || url.port == 0)
    return fail(Code::invalid_argument, "the URL's port is no number from 1 to 65535");
  url.port_given = true;
  return url;
}

}  // namespace vedette::rtsp
