#include "uploader/grant_check.h"

#include <algorithm>

namespace vedette {

namespace {

// Presigned URLs with a session token are the longest, and stay below 4 KiB.
constexpr size_t kMostUrl = 4096;
constexpr size_t kMostOrigin = 261;  // https:// and a host name of 253 characters (RFC 1035)
constexpr size_t kMostHeaders = 32;
constexpr size_t kMostName = 64, kMostValue = 2048;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

bool is_printable(std::string_view text, char first) {
  return std::all_of(text.begin(), text.end(), [first](char c) { return c >= first && c < 0x7f; });
}

// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_host_letter(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-._:[]").find(c) != std::string_view::npos;
}

// "https://host:port" of a URL, in lower case and without the port that the scheme has anyway; empty when it has none.
std::string origin_of(std::string_view url) {
  const size_t colon = url.find("://");
  if (colon == std::string_view::npos) return {};
  const std::string scheme = lower_case(url.substr(0, colon));
  if (scheme != "https" && scheme != "http") return {};
  const std::string_view rest = url.substr(colon + 3);
  std::string host = lower_case(rest.substr(0, rest.find_first_of("/?#")));
  if (host.empty() || !std::all_of(host.begin(), host.end(), is_host_letter)) return {};
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(port)) host.resize(host.size() - port.size());
  return scheme + "://" + host;
}

// They would change where the request ends, or whom it is for.
bool frames_the_request(const std::string& name) {
  constexpr std::string_view kNames[] = {
      "connection", "content-length",    "expect", "host", "keep-alive", "proxy-authorization", "te",
      "trailer",    "transfer-encoding", "upgrade"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

}  // namespace

tl::unexpected<Error> unusable_grant(std::string_view why) {
  return fail(Code::unsupported, "the grant cannot be used: " + std::string(why));
}

bool is_origin(std::string_view text) {
  const std::string origin = origin_of(text);
  if (origin.empty() || text.size() > kMostOrigin) return false;
  return text.find_first_of("/?#", text.find("://") + 3) == std::string_view::npos;
}

Status check_granted(const GrantedUrl& granted, const std::vector<std::string>& origins) {
  const std::string& url = granted.url;
  const std::string origin = origin_of(url);
  if (url.size() > kMostUrl || !is_printable(url, '!') || origin.empty() || url.find('#') != std::string::npos)
    return unusable_grant("it has no valid URL");
  const bool listed =
      std::any_of(origins.begin(), origins.end(), [&](const std::string& one) { return origin_of(one) == origin; });
  if (!origins.empty() && !listed) return unusable_grant(origin + " is not one of upload.grant_origins");
  if (origins.empty() && !origin.starts_with("https:"))
    return unusable_grant(origin + " is not encrypted, and not one of upload.grant_origins");
  if (granted.headers.size() > kMostHeaders) return unusable_grant("it has too many headers");
  for (const auto& [name, value] : granted.headers) {
    if (name.size() > kMostName || !is_token(name)) return unusable_grant("a header's name is not valid");
    if (frames_the_request(lower_case(name))) return unusable_grant("it must not set the header " + lower_case(name));
    if (value.size() > kMostValue || !is_printable(value, ' '))
      return unusable_grant("the header " + name + " has no valid value");
  }
  return {};
}

}  // namespace vedette
