#include "sources/rtsp_source.h"

#include "core/thread.h"
#include "media/demuxer.h"
#include "sources/rtsp/client.h"
#include "sources/rtsp/reader.h"
#include "sources/rtsp/session.h"
#include "sources/timeline.h"

namespace vedette {

namespace {

// Packets gather in the socket for so long while nobody waits for them. 4 Mbit/s are 50 kB in this time; the smallest
// receive buffer in use is 128 KiB, and TCP only slows the camera down beyond.
constexpr microseconds kGather = 100ms;
// A read that took longer found the socket empty.
constexpr microseconds kAtOnce = 1ms;

// rtsp:// over TCP is read by our own client (sources/rtsp/); everything else, and what that has no depacketiser for,
// by libavformat.
class RtspSource : public Source {
 public:
  RtspSource(SourceConfig config, const Clock& clock)
      : config_(std::move(config)),
        clock_(clock),
        ours_(config_.transport == "tcp" && config_.url.starts_with("rtsp://")) {}

  Status run(const Push& push, const std::stop_token& stop) override {
    if (!ours_) return run_demuxer(push, stop);
    rtsp::ClientOptions options{config_.url, config_.username, config_.password,
                                Clock::system().mono() + config_.connect_timeout};
    auto client = rtsp::Client::open(options, stop);
    if (!client && client.error().code == Code::unsupported) {
      ours_ = false;
      return run_demuxer(push, stop);
    }
    if (!client) return stop.stop_requested() ? Status() : client.error_as_is();
    rtsp::Session session(std::move(*client), config_.stall_timeout, config_.awaited, clock_, push);
    return rtsp::Reader::shared()->serve(session, stop);
  }

 private:
  Status run_demuxer(const Push& push, const std::stop_token& stop) const {
    DemuxerOptions options;
    options.username = config_.username;
    options.password = config_.password;
    options.rtsp_transport = config_.transport;
    options.open_timeout = config_.connect_timeout;
    const auto demuxer = Demuxer::open(config_.url, options, stop);
    if (!demuxer) return stop.stop_requested() ? Status() : demuxer.error_as_is();

    Timeline timeline(clock_);
    MonoTime last_video = clock_.mono();
    while (!stop.stop_requested()) {
      const MonoTime asked = clock_.mono();
      auto packet = (*demuxer)->read(last_video + config_.stall_timeout, stop);
      if (stop.stop_requested()) break;
      if (!packet) return packet.error_as_is();
      if (!*packet) return fail(Code::camera_unavailable, "the camera ended the stream");
      const MonoTime arrival = clock_.mono();
      if ((*packet)->track == Track::video) last_video = arrival;
      timeline.add(std::move(**packet), arrival, push);
      if (timeline.settled() && arrival - asked > kAtOnce && config_.awaited && !config_.awaited())
        wait_for(kGather, stop);
    }
    return {};
  }

  const SourceConfig config_;
  const Clock& clock_;
  bool ours_;
};

bool names_host(std::string_view url) {
  const std::string_view rest = url.substr(url.find("://") + 3);
  return !rest.empty() && std::string_view("/:?#").find(rest.front()) == std::string_view::npos;
}

}  // namespace

Result<std::unique_ptr<Source>> make_rtsp_source(const SourceConfig& config, const Clock& clock) {
  if (!names_host(config.url)) return fail(Code::invalid_argument, "the URL names no host");
  if (config.transport != "tcp" && config.transport != "udp")
    return fail(Code::invalid_argument, "the transport " + config.transport + " is not tcp or udp");
  return std::make_unique<RtspSource>(config, clock);
}

}  // namespace vedette
