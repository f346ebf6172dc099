#include "sources/rtsp/tracks.h"

#include <algorithm>
#include <cctype>

namespace vedette::rtsp {

namespace {

std::string format_value(const Media& media, const char* name) {
  const auto found = media.format.find(name);
  return found == media.format.end() ? std::string() : found->second;
}

std::vector<uint8_t> from_hex(std::string_view text) {
  std::vector<uint8_t> out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    if (!std::isxdigit(static_cast<unsigned char>(text[i])) || !std::isxdigit(static_cast<unsigned char>(text[i + 1])))
      return {};
    out.push_back(static_cast<uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return out;
}

VideoTrack video_track(const Media& media) {
  VideoTrack track;
  track.fps = media.fps;
  if (media.encoding == "H264") {
    track.codec = VideoCodec::h264;
    track.extradata = parameter_sets_of(format_value(media, "sprop-parameter-sets"));
    return track;
  }
  track.codec = VideoCodec::h265;
  for (const char* name : {"sprop-vps", "sprop-sps", "sprop-pps"}) {
    const auto sets = parameter_sets_of(format_value(media, name));
    track.extradata.insert(track.extradata.end(), sets.begin(), sets.end());
  }
  return track;
}

// Rate and channels stand in the AudioSpecificConfig (ISO 14496-3, 1.6.2.1) as well, but the rtpmap has them, and some
// cameras leave the channels out of the one and some out of the other.
AudioTrack audio_track(const Media& media) {
  AudioTrack track;
  track.sample_rate_hz = media.clock_rate_hz;
  track.channels = std::max(1, media.channels);
  if (media.encoding == "PCMU") track.codec = AudioCodec::pcmu;
  if (media.encoding == "PCMA") track.codec = AudioCodec::pcma;
  if (media.encoding != "MPEG4-GENERIC") return track;
  track.codec = AudioCodec::aac;
  track.extradata = from_hex(format_value(media, "config"));
  if (track.extradata.size() >= 2) {
    const int channels = track.extradata[1] >> 3 & 0x0f;
    const bool explicit_rate = (track.extradata[0] & 0x07) == 0x07 && (track.extradata[1] & 0x80) != 0;
    if (!explicit_rate && channels > 0) track.channels = channels == 7 ? 8 : channels;
  }
  return track;
}

}  // namespace

StreamInfo describe(const std::vector<Media>& tracks) {
  StreamInfo info;
  for (const Media& media : tracks) {
    if (media.kind == "video") info.video = video_track(media);
    if (media.kind == "audio") info.audio = audio_track(media);
  }
  return info;
}

}  // namespace vedette::rtsp
