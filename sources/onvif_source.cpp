#include "sources/onvif_source.h"

#include "core/text.h"
#include "sources/network_url.h"
#include "sources/onvif/device.h"
#include "sources/rtsp_source.h"

namespace vedette {

namespace {

class OnvifSource : public Source {
 public:
  OnvifSource(SourceConfig config, NetworkUrl url, const Clock& clock)
      : config_(std::move(config)), url_(std::move(url)), clock_(clock) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    onvif::Device device({url_, config_.username, config_.password, Clock::system().mono() + config_.connect_timeout,
                          config_.http_tls, config_.ca_file},
                         stop);
    const auto uri = device.stream_uri(percent_decode(url_.path.substr(url_.path.empty() ? 0 : 1)));
    if (!uri) return stop.stop_requested() ? Status() : uri.error_as_is();
    if (!uri->starts_with("rtsp://")) return fail(Code::unsupported, "ONVIF: the camera's stream is not RTSP");
    SourceConfig there = config_;
    there.url = *uri;
    const auto stream = make_rtsp_source(there, clock_);
    return stream ? (*stream)->run(push, stop) : stream.error_as_is();
  }

 private:
  const SourceConfig config_;
  const NetworkUrl url_;
  const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Source>> make_onvif_source(const SourceConfig& config, const Clock& clock) {
  auto url = parse_network_url(config.url);
  if (!url) return url.error_as_is();
  if (!url->query.empty()) return fail(Code::invalid_argument, "the form is onvif://host[:port]/{profile}");
  if (url->port == 0) url->port = config.http_port;
  return std::make_unique<OnvifSource>(config, std::move(*url), clock);
}

}  // namespace vedette
