#include "sources/rtsp/url.h"

#include <charconv>

#include "sources/rtsp/message.h"

namespace vedette::rtsp {

namespace {

constexpr std::string_view kScheme = "rtsp://";

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (!equal_ignoring_case(text.substr(0, kScheme.size()), kScheme))
    return fail(Code::unsupported, "the URL does not begin with rtsp://");
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
      return fail(Code::invalid_argument, "the URL holds a blank or a control character; percent-encode it");
  std::string_view rest = text.substr(kScheme.size());
  const std::string_view path = rest.substr(std::min(rest.size(), rest.find_first_of("/?#")));
  std::string_view authority = rest.substr(0, rest.size() - path.size());
  if (const size_t at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  Url url;
  url.text = std::string(kScheme) + std::string(authority) + (path.empty() ? "/" : std::string(path));
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
  return url;
}

}  // namespace vedette::rtsp
