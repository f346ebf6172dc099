#include "sources/vendor_url.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"

namespace vedette {

namespace {

constexpr std::string_view kAfterScheme = "://";
constexpr std::string_view kProfiles[] = {"main", "sub", "third"};
constexpr int kMostChannels = 999;  // the largest recorders have 256
constexpr std::string_view kDefaultChannel = "1";

// "main,sub" as numbers; empty when it is no such list.
std::vector<int> parse_profiles(std::string_view text) {
  std::vector<int> out;
  for (const std::string_view name : split(text, ',')) {
    const auto found = std::find(std::begin(kProfiles), std::end(kProfiles), name);
    const int stream = static_cast<int>(found - std::begin(kProfiles)) + 1;
    if (found == std::end(kProfiles) || std::find(out.begin(), out.end(), stream) != out.end()) return {};
    out.push_back(stream);
  }
  return out;
}

std::string encoded_again(std::string_view text) {
  return percent_encode(percent_decode(text));
}

// user[:password], in front of the '@'.
void take_credentials(std::string_view text, VendorUrl& url) {
  const size_t colon = std::min(text.find(':'), text.size());
  url.username = percent_decode(text.substr(0, colon));
  url.password = percent_decode(text.substr(std::min(colon + 1, text.size())));
}

}  // namespace

std::string with_credentials_in_front(std::string_view url) {
  const size_t scheme = url.find(kAfterScheme);
  const size_t at = url.rfind('@');
  const std::string_view name = url.substr(0, std::min(scheme, url.size()));
  if ((name != "hik" && name != "dahua") || at == std::string_view::npos) return std::string(url);
  const size_t begin = scheme + kAfterScheme.size();
  const size_t slash = url.find('/', begin);
  const bool second_form = slash < at && !parse_profiles(url.substr(at + 1)).empty() &&
                           url.substr(begin, slash - begin).find('@') == std::string_view::npos;
  if (!second_form) return std::string(url);
  const std::string_view credentials = url.substr(slash + 1, at - slash - 1);
  const size_t colon = std::min(credentials.find(':'), credentials.size());
  std::string out(url.substr(0, begin));
  out += encoded_again(credentials.substr(0, colon));
  if (colon < credentials.size()) out += ":" + encoded_again(credentials.substr(colon + 1));
  out.append("@").append(url.substr(begin, slash - begin)).append("/").append(kDefaultChannel).append("/");
  return out.append(url.substr(at + 1));
}

Result<VendorUrl> parse_vendor_url(std::string_view text) {
  const std::string url = with_credentials_in_front(text);
  const size_t scheme = std::min(url.find(kAfterScheme), url.size());
  VendorUrl out;
  out.scheme = url.substr(0, scheme);
  const auto wrong = [&](std::string_view what) {
    return fail(Code::invalid_argument,
                std::string(what) + "; the form is " + out.scheme + "://host[:port]/{channel}/{main|sub|third}");
  };
  std::string_view rest = std::string_view(url).substr(std::min(scheme + kAfterScheme.size(), url.size()));
  // A '/' in a password that was not encoded is in front of the last '@' too.
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    take_credentials(rest.substr(0, at), out);
    rest.remove_prefix(at + 1);
  }
  const auto parts = split(rest, '/');
  out.authority = parts[0];
  if (out.authority.empty()) return wrong("the URL names no host");
  if (parts.size() != 3) return wrong("the URL does not name a channel and a profile");
  const auto [end, error] = std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), out.channel);
  if (error != std::errc() || end != parts[1].data() + parts[1].size() || out.channel < 1 ||
      out.channel > kMostChannels)
    return wrong("the URL's channel is no number from 1 to 999");
  out.streams = parse_profiles(parts[2]);
  if (out.streams.empty()) return wrong("the URL's profile is none of main, sub and third");
  return out;
}

}  // namespace vedette
