#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vedette {

enum class VideoCodec { h264, h265, mpeg4, mjpeg };
enum class AudioCodec { aac, pcmu, pcma, mp3, opus };

// "h264", "aac": the words of the API.
std::string_view codec_name(VideoCodec codec);
std::string_view codec_name(AudioCodec codec);

struct VideoTrack {
  VideoCodec codec = VideoCodec::h264;
  int width_px = 0;  // 0: not known yet
  int height_px = 0;
  double fps = 0;                  // as announced by the source; 0: not known
  int reorder_frames = 0;          // how many frames may come before one in decoding order and after it on screen
  std::vector<uint8_t> extradata;  // parameter sets, Annex B or avcC/hvcC as the source gave them

  bool operator==(const VideoTrack&) const = default;
};

struct AudioTrack {
  AudioCodec codec = AudioCodec::aac;
  int sample_rate_hz = 0;
  int channels = 0;
  std::vector<uint8_t> extradata;

  bool operator==(const AudioTrack&) const = default;
};

// StreamInfo describes what a camera sends from one point on: immutable, shared by all packets it holds for. A camera
// that comes back with other parameters sends another StreamInfo, and a recorder then begins the next clip.
struct StreamInfo {
  VideoTrack video;
  std::optional<AudioTrack> audio;
  std::string capture{};  // for people: how it came about, where this machine had a say in that; no part of what it is

  // Whether packets of both can go into one MP4 file: its description of the tracks comes out the same of both, in
  // whatever form they have their parameter sets (the announced frame rate does not matter).
  bool compatible(const StreamInfo& other) const;
};

using StreamInfoPtr = std::shared_ptr<const StreamInfo>;

}  // namespace vedette
