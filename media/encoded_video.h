#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/result.h"
#include "media/stream_info.h"

namespace vedette {

// EncodedVideo keeps the StreamInfo of a stream whose frames come whole, H.264 and H.265 in Annex B with the parameter
// sets in front of keyframes: of a device or a plug-in that encodes by itself. What it is said to be is checked by what
// its frames are. Used by one thread.
class EncodedVideo {
 public:
  // Of the track only what is known; extradata may be empty, and its size 0.
  EncodedVideo(VideoTrack track, std::optional<AudioTrack> audio, std::string capture);

  struct Look {
    StreamInfoPtr info;  // null: nothing can be made of the frame, as no keyframe with parameter sets came before it
    bool keyframe = false;
  };
  // invalid_argument: it is no frame of this codec.
  Result<Look> look(std::span<const uint8_t> frame);
  // As of the newest keyframe; null before the first, unless size and parameter sets were known before.
  const StreamInfoPtr& info() const { return info_; }

 private:
  void set(VideoTrack track);

  VideoTrack track_;
  const std::optional<AudioTrack> audio_;
  const std::string capture_;
  StreamInfoPtr info_;
};

}  // namespace vedette
