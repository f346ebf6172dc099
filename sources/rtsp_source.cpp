#include "sources/rtsp_source.h"

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "core/thread.h"
#include "media/demuxer.h"
#include "sources/demuxed.h"
#include "sources/network_url.h"
#include "sources/rtsp/client.h"
#include "sources/rtsp/reader.h"
#include "sources/rtsp/session.h"
#include "sources/rtsp/url.h"

namespace vedette {

namespace {

// What transport "auto" waits for the first datagram before it takes TCP.
constexpr microseconds kFirstDatagram = 3s;

// A camera needs a moment to see that the session before has ended, and says meanwhile that it is busy.
constexpr microseconds kBetweenTries = 500ms;

// libavformat's names; what it takes for the port of a tunnel is that of RTSP.
std::string libav_transport(const std::string& transport) {
  return transport == "auto" ? "tcp" : transport;
}
std::string libav_url(const SourceConfig& config) {
  auto url = parse_network_url(config.url);
  if (!url || config.transport != "http" || url->port != 0) return config.url;
  url->port = 80;
  return url->scheme + "://" + url->authority() + url->path + (url->query.empty() ? "" : "?" + url->query);
}

class RtspSource : public Source {
 public:
  RtspSource(SourceConfig config, const Clock& clock)
      : config_(std::move(config)),
        clock_(clock),
        may_fall_back_(config_.transport == "auto" && !is_protected()),
        transport_(may_fall_back_ ? rtsp::Transport::udp
                                  : rtsp::transport_of(config_.transport).value_or(rtsp::Transport::tcp)) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    for (;;) {
      auto ended = ours_ ? run_session(push, stop) : run_demuxer(push, stop);
      if (stop.stop_requested()) return {};
      if (ended || !std::exchange(again_, false)) return ended;
      if (wait_for(kBetweenTries, stop)) return {};
    }
  }

 private:
  bool is_protected() const { return config_.url.starts_with("rtsps://"); }
  // libavformat's TLS would not look at the certificate, and its multicast not at the sender.
  bool may_be_libavs() const { return !is_protected() && transport_ != rtsp::Transport::multicast; }

  // What is found out about the camera here holds for as long as the source lives.
  Status run_session(const Push& push, const std::stop_token& stop) {
    const rtsp::ClientOptions options{config_.url,      config_.username,
                                      config_.password, Clock::system().mono() + config_.connect_timeout,
                                      transport_,       config_.ca_file};
    auto client = rtsp::Client::open(options, stop);
    if (!client && client.error().code == Code::unsupported) {
      again_ = may_fall_back_ || may_be_libavs();
      if (may_fall_back_)
        fall_back(client.error().message);
      else
        ours_ = !may_be_libavs();
    }
    if (!client) return client.error_as_is();
    rtsp::Session::Options session_options{config_.stall_timeout, config_.stall_timeout, config_.awaited};
    if (may_fall_back_) session_options.first_datagram_timeout = std::min(kFirstDatagram, config_.stall_timeout);
    rtsp::Session session(std::move(*client), session_options, clock_, push);
    auto ended = rtsp::Reader::shared()->serve(session, stop);
    again_ = !ended && may_fall_back_ && session.silent();
    if (again_) fall_back(ended.error().message);
    return ended;
  }

  void fall_back(const std::string& reason) {
    log::info("camera is read over TCP from now on, not over UDP", {{"camera", config_.camera_id}, {"reason", reason}});
    may_fall_back_ = false;
    transport_ = rtsp::Transport::tcp;
  }

  Status run_demuxer(const Push& push, const std::stop_token& stop) const {
    DemuxerOptions options;
    options.username = config_.username;
    options.password = config_.password;
    options.rtsp_transport = libav_transport(config_.transport);
    options.open_timeout = config_.connect_timeout;
    const auto demuxer = Demuxer::open(libav_url(config_), options, stop);
    if (!demuxer) return stop.stop_requested() ? Status() : demuxer.error_as_is();

    return push_demuxed(**demuxer, config_, clock_, push, stop);
  }

  const SourceConfig config_;
  const Clock& clock_;
  bool may_fall_back_;  // from UDP to TCP
  rtsp::Transport transport_;
  bool ours_ = true;    // else libavformat reads
  bool again_ = false;  // the next try is another one than that which failed: no reason to wait
};

}  // namespace

Result<std::unique_ptr<Source>> make_rtsp_source(const SourceConfig& config, const Clock& clock) {
  if (const auto url = rtsp::parse_url(config.url); !url) return url.error_as_is();
  if (config.transport != "auto" && !rtsp::transport_of(config.transport))
    return fail(Code::invalid_argument,
                "the transport " + config.transport + " is none of tcp, udp, auto, multicast, http");
  if (config.url.starts_with("rtsps://") && (config.transport == "udp" || config.transport == "multicast"))
    return fail(Code::invalid_argument, "rtsps:// protects what comes in its connection only: set transport to tcp");
  return std::make_unique<RtspSource>(config, clock);
}

}  // namespace vedette
