#include "sources/libav_source.h"

#include "media/demuxer.h"
#include "sources/demuxed.h"
#include "sources/network_url.h"
#include "sources/rtsp/tls_connection.h"

namespace vedette {

namespace {

constexpr uint16_t kHttpsPort = 443;

class LibavSource : public Source {
 public:
  LibavSource(SourceConfig config, const Clock& clock) : config_(std::move(config)), clock_(clock) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    DemuxerOptions options;
    options.username = config_.username;
    options.password = config_.password;
    options.ca_file = config_.ca_file;
    options.open_timeout = config_.connect_timeout;
    const MonoTime deadline = Clock::system().mono() + config_.connect_timeout;
    const auto demuxer = Demuxer::open(config_.url, options, stop);
    if (stop.stop_requested()) return {};
    if (!demuxer) {
      if (auto trusted = check_certificate(demuxer.error(), deadline, stop); !trusted) return trusted;
      return demuxer.error_as_is();
    }
    return push_demuxed(**demuxer, config_, clock_, push, stop);
  }

 private:
  // libavformat does not tell a certificate that it refused from a camera that it did not reach. We do, and say what is
  // to be done: so the camera is asked once more, for its certificate only.
  Status check_certificate(const Error& error, MonoTime deadline, const std::stop_token& stop) const {
    if (!config_.url.starts_with("https://") || error.code != Code::camera_unavailable) return {};
    const auto url = parse_network_url(config_.url);
    if (!url) return {};
    auto connection = rtsp::connect_tcp(url->host, url->port == 0 ? kHttpsPort : url->port, deadline, stop);
    if (!connection) return {};
    const auto secured = rtsp::secure(std::move(*connection), url->host, config_.ca_file, deadline, stop);
    const bool told =
        !secured && (secured.error().code == Code::forbidden || secured.error().code == Code::invalid_argument);
    return told ? Status(secured.error_as_is()) : Status();
  }

  const SourceConfig config_;
  const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Source>> make_libav_source(const SourceConfig& config, const Clock& clock) {
  if (const auto url = parse_network_url(config.url); !url) return url.error_as_is();
  return std::make_unique<LibavSource>(config, clock);
}

}  // namespace vedette
