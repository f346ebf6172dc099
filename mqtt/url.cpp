#include "mqtt/url.h"

#include <charconv>
#include <string_view>

#include "core/text.h"
#include "mqtt/session.h"

namespace vedette::mqtt {

namespace {

constexpr uint16_t kPort = 1883;
constexpr uint16_t kTlsPort = 8883;
constexpr size_t kMostHostLength = 253;  // of a DNS name (RFC 1035)

tl::unexpected<Error> wrong(const std::string& what) {
  return fail(Code::invalid_argument, "broker URL: " + what);
}

bool takes_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// Ends at the last '@', as the redactor does: what stands before it is never shown.
void take_credentials(std::string_view& rest, BrokerUrl& url) {
  const size_t at = rest.rfind('@');
  if (at == std::string_view::npos) return;
  const std::string_view credentials = rest.substr(0, at);
  const size_t colon = credentials.find(':');
  url.username = percent_decode(credentials.substr(0, colon));
  if (colon != std::string_view::npos) url.password = percent_decode(credentials.substr(colon + 1));
  rest.remove_prefix(at + 1);
}

bool is_host(std::string_view host, bool bracketed) {
  if (host.empty() || host.size() > kMostHostLength) return false;
  if (bracketed && host.find(':') == std::string_view::npos) return false;  // IPv6 only
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool other = bracketed ? c == ':' || c == '.' || c == '%' : c == '-' || c == '.' || c == '_';
    if (!letter && !other) return false;
  }
  return true;
}

// host[:port], or nothing when it is none.
Status take_host_and_port(std::string_view rest, BrokerUrl& url) {
  const bool bracketed = !rest.empty() && rest.front() == '[';
  const size_t end = bracketed ? rest.find(']') : rest.find(':');
  if (bracketed && end == std::string_view::npos) return wrong("']' is missing");
  const std::string_view host = bracketed ? rest.substr(1, end - 1) : rest.substr(0, end);
  if (!is_host(host, bracketed)) return wrong("no valid host name or address");
  url.host = host;
  rest.remove_prefix(bracketed ? end + 1 : host.size());
  if (rest.empty()) return {};
  if (rest.front() != ':') return wrong("something other than a port follows the host");
  rest.remove_prefix(1);
  const auto [last, error] = std::from_chars(rest.data(), rest.data() + rest.size(), url.port);
  if (error != std::errc() || last != rest.data() + rest.size() || url.port == 0)
    return wrong("the port is not a number from 1 to 65535");
  return {};
}

}  // namespace

std::string BrokerUrl::display() const {
  const bool bracketed = host.find(':') != std::string::npos;
  return std::string(tls ? "mqtts://" : "mqtt://") + (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<BrokerUrl> parse_url(const std::string& text) {
  std::string_view rest = text;
  BrokerUrl url;
  url.tls = takes_prefix(rest, "mqtts://");
  if (!url.tls && !takes_prefix(rest, "mqtt://")) return wrong("it must begin with mqtt:// or mqtts://");
  url.port = url.tls ? kTlsPort : kPort;
  take_credentials(rest, url);
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  if (const Status status = take_host_and_port(rest, url); !status) return status.error_as_is();
  return url;
}

Status check_url(const std::string& url) {
  const auto parsed = parse_url(url);
  if (!parsed) return parsed.error_as_is();
  return {};
}

}  // namespace vedette::mqtt
