#include "sources/network_url.h"

#include <algorithm>
#include <charconv>

namespace vedette {

namespace {

constexpr std::string_view kAfterScheme = "://";

Status read_authority(std::string_view text, NetworkUrl& url) {
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  size_t host_end = std::min(text.find(':'), text.size());
  if (text.starts_with('[')) {
    const size_t bracket = text.find(']');
    if (bracket == std::string_view::npos)
      return fail(Code::invalid_argument, "the URL's address has no closing bracket");
    url.host = text.substr(1, bracket - 1);
    host_end = bracket + 1;
  } else {
    url.host = text.substr(0, host_end);
  }
  const std::string_view port = text.substr(host_end);
  if (port.empty()) return {};
  const auto [end, error] = std::from_chars(port.data() + 1, port.data() + port.size(), url.port);
  if (port.front() != ':' || error != std::errc() || end != port.data() + port.size() || url.port == 0)
    return fail(Code::invalid_argument, "the URL's port is no number from 1 to 65535");
  return {};
}

}  // namespace

std::string NetworkUrl::authority() const {
  const bool numeric_v6 = host.find(':') != std::string::npos;
  return (numeric_v6 ? "[" + host + "]" : host) + (port == 0 ? "" : ":" + std::to_string(port));
}

Result<NetworkUrl> parse_network_url(std::string_view text, bool host_optional) {
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
      return fail(Code::invalid_argument, "the URL holds a blank or a control character; percent-encode it");
  const size_t scheme = text.find(kAfterScheme);
  if (scheme == std::string_view::npos) return fail(Code::invalid_argument, "the URL has no scheme");
  NetworkUrl url;
  url.scheme = text.substr(0, scheme);
  std::string_view rest = text.substr(scheme + kAfterScheme.size());
  rest = rest.substr(0, rest.find('#'));
  const size_t path = std::min(rest.find_first_of("/?"), rest.size());
  const size_t query = std::min(rest.find('?', path), rest.size());
  url.path = rest.substr(path, query - path);
  url.query = rest.substr(std::min(query + 1, rest.size()));
  if (auto read = read_authority(rest.substr(0, path), url); !read) return read.error_as_is();
  if (url.host.empty() && !host_optional) return fail(Code::invalid_argument, "the URL names no host");
  return url;
}

}  // namespace vedette
