// URLs of cameras: a source is made or the error says why, and no part of the password is in what is said.
#include <cstdlib>
#include <string>

#include "core/text.h"
#include "sources/source.h"
#include "sources/vendor_url.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_vendor(const std::string& text) {
  const auto url = vedette::parse_vendor_url(text);
  if (!url) {
    require(url.error().code == vedette::Code::invalid_argument);
    return;
  }
  require(!url->authority.empty() && url->channel >= 1 && !url->streams.empty() && url->streams.size() <= 3);
  // Written out in the first form it means the same.
  std::string again = url->scheme + "://" + vedette::percent_encode(url->username) + ":" +
                      vedette::percent_encode(url->password) + "@" + url->authority + "/" +
                      std::to_string(url->channel) + "/";
  constexpr const char* kNames[] = {"", "main", "sub", "third"};
  for (const int stream : url->streams) again.append(stream == url->streams.front() ? "" : ",").append(kNames[stream]);
  const auto reread = vedette::parse_vendor_url(again);
  require(reread && reread->username == url->username && reread->password == url->password &&
          reread->authority == url->authority && reread->channel == url->channel && reread->streams == url->streams);
}

// A password that cannot be mistaken for anything else never comes back in an error.
void check_secret(const std::string& text) {
  static const std::string kSecret = "zQ7pa55word";
  for (const std::string& url : {"hik://h/u:" + kSecret + "@" + text, "hik://u:" + kSecret + "@" + text,
                                 "dahua://" + text + "/u:" + kSecret + "@main"}) {
    vedette::SourceConfig config;
    config.url = url;
    const auto made = vedette::make_source(config);
    require(made || made.error().message.find(kSecret) == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_vendor(text);
  check_vendor("hik://" + text);
  check_secret(text);
  vedette::SourceConfig config;
  config.url = text;
  const auto made = vedette::make_source(config);
  require(made || !made.error().message.empty());
  return 0;
}
