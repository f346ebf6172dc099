#include "media/open_options.h"

#include <string_view>

namespace vedette::libav {

namespace {

// Socket buffer for RTP over UDP: a 1080p keyframe does not fit the usual 208 KiB when the machine is busy.
constexpr std::string_view kUdpBufferBytes = "2097152";
// What a URL of http or https may lead to: redirects, playlists, segments.
constexpr std::string_view kHttpProtocols = "http,https,tcp,tls,crypto,httpproxy";
constexpr std::string_view kHttpFormats = "flv,live_flv,mpegts,mov,hls,mpjpeg,aac";
constexpr int64_t kShortProbeBytes = 32;
constexpr int64_t kLongProbeBytes = 5'000'000;
constexpr microseconds kLongProbeTime = 3s;

bool is_http(const std::string& scheme) {
  return scheme == "http" || scheme == "https";
}

}  // namespace

bool is_rtsp(const std::string& scheme) {
  return scheme == "rtsp" || scheme == "rtsps";
}

bool is_file(const std::string& scheme) {
  return scheme.empty() || scheme == "file";
}

Dictionary options_for(const std::string& scheme, const DemuxerOptions& options) {
  Dictionary dictionary;
  if (is_http(scheme)) {
    // A playlist must not lead to a file of this machine, nor a stream to a demuxer that no camera needs.
    dictionary.set("protocol_whitelist", kHttpProtocols);
    dictionary.set("format_whitelist", kHttpFormats);
  }
  if (!is_rtsp(scheme)) return dictionary;
  dictionary.set("rtsp_transport", options.rtsp_transport);
  dictionary.set("allowed_media_types", "video+audio");
  if (options.rtsp_transport == "udp") dictionary.set("buffer_size", kUdpBufferBytes);
  return dictionary;
}

void set_probing(Probing probing, AVFormatContext* format) {
  if (probing == Probing::file) return;
  format->probesize = probing == Probing::short_ ? kShortProbeBytes : kLongProbeBytes;
  format->max_analyze_duration = probing == Probing::short_ ? 0 : kLongProbeTime.count();
  if (probing == Probing::long_) format->fps_probe_size = 0;
}

}  // namespace vedette::libav
