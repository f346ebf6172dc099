#include "tests/support/camera_sim/options.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

namespace camera_sim {

namespace {

constexpr char kUsage[] = R"(Simulated IP cameras: an RTSP server that replays files for ever, without transcoding.

camera_sim --media FILE[,FILE...] [--sub-media FILE[,FILE...]] [--cameras N] [--port 8554] [--bind 127.0.0.1]
           [--user NAME --password TEXT] [--auth digest|basic|none] [--realm TEXT] [--threads N]
Channel n plays entry (n-1) mod length. H.264, H.265, MPEG-4 part 2, MJPEG; AAC, G.711, MP3 (other sound is left out).
           [--transports udp,tcp,multicast] [--certificate FILE --key FILE (TLS: rtsps)]
Streams of channel n (1..N); letter case and further query parameters do not matter:
  main  rtsp://H:P/Streaming/Channels/<n>01  /ISAPI/Streaming/channels/<n>01        as Hikvision
        rtsp://H:P/cam/realmonitor?channel=<n>&subtype=0                            as Dahua
        rtsp://H:P/cam<n>/main
  sub   .../<n>02  subtype=1  /cam<n>/sub                                           only with --sub-media
Multicast goes out by the loopback interface, to 239.255.x.y, where x.y is the RTSP port, from UDP port 30000 on.
Misbehaviour:
  --no-inband          SPS, PPS and VPS only in the SDP, not before key frames (MP4 and MOV files)
  --no-sdp-sets        and not in the SDP
  --join key|mid       the first packet of a media session is a key frame (default), or whatever comes next
  --drop P             leave out this part (0..1) of the video frames, never key frames
  --corrupt P          overwrite some bytes of this part (0..1) of the video frames, key frames too
  --audio-until S      no sound any more S seconds after a media session began; --audio-from S2: again from then on
  --jitter MS          delay each frame by a random 0..MS ms
  --pace MS            leave MS ms between the packets of the video, instead of sending each frame at once (no loss)
  --freeze-after S     send nothing any more S seconds after a media session began; the connection stays
  --jump-every S --jump-by S2   timestamps jump by S2 seconds every S seconds
  --rtp-wrap-in S      RTP timestamps begin S seconds before they pass 2^32
  --clock-offset S     the camera's own clock, of which its sender reports tell, is so much ahead of this machine's
  --busy-after-close S answer 503 for S seconds after a session was ended, by the client or by a kick
  --kick-every S       close all client connections every S seconds
  --session-timeout S  RTSP session timeout told to clients (default 60)
Signals: SIGUSR1 freezes or thaws all streams, SIGUSR2 closes all client connections, SIGTERM and SIGINT end it.
Prints a line "listening ..." when the port is open.
)";

// RFC 2326 leaves it open; below this, keep-alives of real clients come too late.
constexpr int kLeastSessionTimeout_s = 5;

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) items.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

}  // namespace

std::string Options::group() const {
  return "239.255." + std::to_string(port >> 8) + "." + std::to_string(port & 0xff);
}

void die(const std::string& message) {
  fprintf(stderr, "camera_sim: %s\n", message.c_str());
  exit(2);
}

Options parse_options(int argc, char** argv) {
  Options o;
  const auto number = [](const std::string& text) { return std::atof(text.c_str()); };
  const auto whole = [](const std::string& text) { return std::atoi(text.c_str()); };
  const std::map<std::string, std::function<void(const std::string&)>> with_value = {
      {"--media", [&](const auto& v) { o.media = split_list(v); }},
      {"--sub-media", [&](const auto& v) { o.sub_media = split_list(v); }},
      {"--cameras", [&](const auto& v) { o.cameras = std::max(1, whole(v)); }},
      {"--port", [&](const auto& v) { o.port = whole(v); }},
      {"--bind", [&](const auto& v) { o.bind = v; }},
      {"--threads", [&](const auto& v) { o.threads = whole(v); }},
      {"--session-timeout", [&](const auto& v) { o.session_timeout_s = std::max(kLeastSessionTimeout_s, whole(v)); }},
      {"--user", [&](const auto& v) { o.user = v; }},
      {"--password", [&](const auto& v) { o.password = v; }},
      {"--auth", [&](const auto& v) { o.auth = v; }},
      {"--transports", [&](const auto& v) { o.transports = split_list(v); }},
      {"--certificate", [&](const auto& v) { o.certificate = v; }},
      {"--key", [&](const auto& v) { o.key = v; }},
      {"--realm", [&](const auto& v) { o.realm = v; }},
      {"--join", [&](const auto& v) { o.join_at_key_frame = v != "mid"; }},
      {"--drop", [&](const auto& v) { o.drop = number(v); }},
      {"--corrupt", [&](const auto& v) { o.corrupt = number(v); }},
      {"--audio-from", [&](const auto& v) { o.audio_from_s = number(v); }},
      {"--audio-until", [&](const auto& v) { o.audio_until_s = number(v); }},
      {"--busy-after-close", [&](const auto& v) { o.busy_after_close_s = number(v); }},
      {"--jitter", [&](const auto& v) { o.jitter_ms = whole(v); }},
      {"--pace", [&](const auto& v) { o.pace_ms = number(v); }},
      {"--freeze-after", [&](const auto& v) { o.freeze_after_s = number(v); }},
      {"--jump-every", [&](const auto& v) { o.jump_every_s = number(v); }},
      {"--jump-by", [&](const auto& v) { o.jump_by_s = number(v); }},
      {"--rtp-wrap-in", [&](const auto& v) { o.rtp_wrap_in_s = number(v); }},
      {"--clock-offset", [&](const auto& v) { o.clock_offset_s = number(v); }},
      {"--kick-every", [&](const auto& v) { o.kick_every_s = number(v); }},
  };
  for (int i = 1; i < argc; ++i) {
    const std::string key = argv[i];
    if (key == "--help") {
      fputs(kUsage, stdout);
      exit(0);
    }
    if (key == "--no-inband") {
      o.parameter_sets_in_band = false;
      continue;
    }
    if (key == "--no-sdp-sets") {
      o.parameter_sets_in_sdp = false;
      continue;
    }
    const auto option = with_value.find(key);
    if (option == with_value.end()) die("unknown option " + key + "; see --help");
    if (++i == argc) die("value missing for " + key);
    option->second(argv[i]);
  }
  if (o.media.empty()) die("--media FILE[,FILE...] is needed");
  return o;
}

}  // namespace camera_sim
