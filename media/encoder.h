#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "media/packet.h"

namespace vedette {

// A picture to be encoded: 8-bit 4:2:0, planes without padding. Width and height are even.
struct Picture {
  int width_px = 0;
  int height_px = 0;
  std::vector<uint8_t> y, u, v;
};

// VideoEncoder turns pictures into H.264 without B-frames: one encoder of libavcodec with its settings. libx264 gives
// each picture's packet out at once; encoders in hardware may keep some back, and give them out in order. Used by one
// thread.
class VideoEncoder {
 public:
  struct Options {
    int width_px = 1280;
    int height_px = 720;
    int fps = 25;
    int gop_frames = 50;
    int bitrate_bps = 2'000'000;  // on average; with crf: at most
    // The rest as EncodeSettings has it.
    int crf = 0;
    std::string preset = "ultrafast";
    std::string profile{};
    std::string encoder = "libx264";  // libavcodec's name
  };
  static Result<std::unique_ptr<VideoEncoder>> create(const Options& options);
  ~VideoEncoder();

  const VideoTrack& track() const;
  // data, track and keyframe are filled in; info and the times are the caller's. The data is empty when the encoder
  // keeps the picture back.
  Result<Packet> encode(const Picture& picture, int64_t frame_number);

 private:
  struct Impl;
  explicit VideoEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// AudioEncoder turns mono float samples (-1..1), 1024 at a time, into AAC-LC. HE-AAC is not there: Debian's libavcodec
// has no encoder for it. Used by one thread.
class AudioEncoder {
 public:
  static constexpr int kFrameSamples = 1024;
  static Result<std::unique_ptr<AudioEncoder>> create(int sample_rate_hz, int bitrate_bps);
  ~AudioEncoder();

  const AudioTrack& track() const;
  // The encoder runs one frame behind: nothing comes out for the first.
  Result<std::vector<Packet>> encode(std::span<const float> samples);

 private:
  struct Impl;
  explicit AudioEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
