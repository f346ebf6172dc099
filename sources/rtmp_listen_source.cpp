#include "sources/rtmp_listen_source.h"

#include "core/text.h"
#include "media/demuxer.h"
#include "sources/demuxed.h"
#include "sources/network_url.h"
#include "sources/patience.h"
#include "sources/rtmp/listener.h"

namespace vedette {

namespace {

constexpr uint16_t kDefaultPort = 1935;

class RtmpListenSource : public Source {
 public:
  RtmpListenSource(SourceConfig config, const NetworkUrl& url, const Clock& clock)
      : config_(std::move(config)),
        address_(url.host),
        port_(url.port == 0 ? kDefaultPort : url.port),
        expected_{percent_decode(url.path.substr(1)), config_.password},
        clock_(clock),
        patience_(config_.connect_timeout) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    auto done = session(push, stop);
    return stop.stop_requested() ? Status() : done;
  }

 private:
  Status session(const Push& push, const std::stop_token& stop) {
    if (!listener_) {
      auto opened = rtmp::Listener::open(address_, port_);
      if (!opened) return opened.error_as_is();
      listener_ = std::move(*opened);
    }
    auto publisher = listener_->accept(expected_, clock_.mono() + patience_.next(), stop);
    if (!publisher) return publisher.error_as_is();
    DemuxerOptions options;
    options.open_timeout = config_.connect_timeout;
    const auto demuxer = Demuxer::open(
        [&](std::span<uint8_t> into, MonoTime deadline, const std::stop_token& token) {
          listener_->refuse_waiting();
          return publisher->read(into, deadline, token);
        },
        "flv", options, stop);
    if (!demuxer) return demuxer.error_as_is();
    return push_demuxed(**demuxer, config_, clock_, push, stop);
  }

  const SourceConfig config_;
  const std::string address_;
  const uint16_t port_;
  const rtmp::Expected expected_;
  const Clock& clock_;
  Patience patience_;
  std::optional<rtmp::Listener> listener_;  // from the first session on: who comes between two of them is kept waiting
};

}  // namespace

Result<std::unique_ptr<Source>> make_rtmp_listen_source(const SourceConfig& config, const Clock& clock) {
  const auto url = parse_network_url(config.url, true);
  if (!url) return url.error_as_is();
  if (url->path.size() < 2 || !url->query.empty())
    return fail(Code::invalid_argument,
                "the form is rtmp-listen://[address][:port]/app, with the stream key as password");
  if (config.password.empty())
    return fail(Code::invalid_argument, "rtmp-listen needs a password: the stream key that the camera is to name");
  return std::make_unique<RtmpListenSource>(config, *url, clock);
}

}  // namespace vedette
