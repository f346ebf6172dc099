#include "media/source_url.h"

#include <algorithm>
#include <cctype>

#include "core/text.h"

namespace vedette {

namespace {

constexpr std::string_view kAfterScheme = "://";
constexpr std::string_view kFileScheme = "file://";

// [user[:password]@]host[:port], and where it lies in the URL.
struct Authority {
  size_t begin = 0;
  size_t end = 0;
};

Authority authority_of(std::string_view url) {
  const size_t scheme = url.find(kAfterScheme);
  if (scheme == std::string_view::npos) return {};
  const size_t begin = scheme + kAfterScheme.size();
  return {begin, std::min(url.find_first_of("/?#", begin), url.size())};
}

std::string_view without_credentials(std::string_view authority) {
  return authority.substr(authority.rfind('@') + 1);  // npos + 1 is 0
}

}  // namespace

std::string scheme_of(std::string_view url) {
  const size_t end = url.find(kAfterScheme);
  if (end == std::string_view::npos) return {};
  std::string scheme(url.substr(0, end));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](unsigned char c) { return std::tolower(c); });
  return scheme;
}

std::string host_of(std::string_view url) {
  const Authority place = authority_of(url);
  const std::string_view host = without_credentials(url.substr(place.begin, place.end - place.begin));
  if (host.substr(0, 1) == "[") return std::string(host.substr(1, std::min(host.find(']'), host.size()) - 1));
  return std::string(host.substr(0, host.find(':')));
}

std::string with_credentials(std::string_view url, std::string_view username, std::string_view password) {
  const Authority place = authority_of(url);
  if (username.empty() || place.end == 0) return std::string(url);
  std::string result(url.substr(0, place.begin));
  result += percent_encode(username) + ":" + percent_encode(password) + "@";
  result += without_credentials(url.substr(place.begin, place.end - place.begin));
  result += url.substr(place.end);
  return result;
}

std::string file_url(std::string_view url) {
  if (url.substr(0, kFileScheme.size()) == kFileScheme) return "file:" + percent_decode(url.substr(kFileScheme.size()));
  return "file:" + std::string(url);  // or a path with a colon in it would be taken for a protocol
}

}  // namespace vedette
