#include "sources/vendor_source.h"

#include "sources/rtsp/url.h"
#include "sources/rtsp_source.h"
#include "sources/vendor_url.h"

namespace vedette {

namespace {

// /Streaming/Channels/201: the sub stream is 02, the third 03 (ISAPI guide).
std::string hik_path(int channel, int stream) {
  return "/Streaming/Channels/" + std::to_string(channel) + "0" + std::to_string(stream);
}

// Main is subtype 0 (Dahua's HTTP API for cameras).
std::string dahua_path(int channel, int stream) {
  return "/cam/realmonitor?channel=" + std::to_string(channel) + "&subtype=" + std::to_string(stream - 1);
}

Result<std::unique_ptr<Source>> make_vendor_source(SourceConfig config, const Clock& clock,
                                                   std::string (*path)(int channel, int stream)) {
  const auto url = parse_vendor_url(config.url);
  if (!url) return url.error_as_is();
  config.url = "rtsp://" + url->authority + path(url->channel, url->streams.front());
  if (const auto good = rtsp::parse_url(config.url); !good) return good.error_as_is();
  if (config.username.empty()) config.username = url->username;
  if (config.password.empty()) config.password = url->password;
  return make_rtsp_source(config, clock);
}

}  // namespace

Result<std::unique_ptr<Source>> make_hik_source(const SourceConfig& config, const Clock& clock) {
  return make_vendor_source(config, clock, hik_path);
}

Result<std::unique_ptr<Source>> make_dahua_source(const SourceConfig& config, const Clock& clock) {
  return make_vendor_source(config, clock, dahua_path);
}

}  // namespace vedette
