#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "media/encode_settings.h"
#include "media/encoded_video.h"
#include "media/encoder.h"
#include "media/encoder_slots.h"

namespace vedette {

// LiveEncoder is what a source of raw pictures has: the settings of its camera, an encoder in hardware where one works
// and libx264 where none does, and the times of the pictures that are under way.
//
// Encoders in hardware are tried once in a process, with a few pictures; what came of it is logged then. One that
// worked there and cannot be opened for this camera is a warning, and libx264 takes its place. Used by one thread.
class LiveEncoder {
 public:
  struct Input {
    FrameSize size;  // of the pictures; see encoded_size()
    int fps = 25;
    int gop_frames = 0;      // 0: as the settings say
    bool takes_slot = true;  // of EncoderSlots
    // What the StreamInfo holds beside the picture.
    std::optional<AudioTrack> audio{};
    std::string capture{};  // ", encoded by libx264" is added
  };
  // busy when all slots are taken; unsupported when libavcodec has no encoder.
  static Result<std::unique_ptr<LiveEncoder>> open(const EncodeSettings& settings, const Input& input);

  // libavcodec's name of the encoder.
  const std::string& name() const { return name_; }
  // Of all packets. Null before the first, of encoders (in hardware) that tell their parameter sets only there.
  const StreamInfoPtr& info() const { return stream_.info(); }

  // All but the arrival of the packets is filled in. None come while the encoder keeps pictures back.
  Result<std::vector<Packet>> encode(const Picture& picture, MonoTime captured);

 private:
  LiveEncoder(std::unique_ptr<VideoEncoder> encoder, const VideoEncoder::Options& options, const Input& input,
              EncoderSlots::Slot slot);

  const std::unique_ptr<VideoEncoder> encoder_;
  const std::string name_;
  const microseconds frame_;
  const EncoderSlots::Slot slot_;
  EncodedVideo stream_;
  std::deque<MonoTime> inside_;  // the times of the pictures that are in the encoder
  int64_t number_ = 0;
};

}  // namespace vedette
