#pragma once

#include <optional>

#include "media/frame_headers.h"
#include "media/libav.h"

// Inside media/ only: whether frames go with the track that the stream had, where they show it.
namespace vedette {

// PictureWatch finds frames of H.265 in a stream of H.264, and the other way round.
class PictureWatch {
 public:
  // Whether the frame goes with this track; if not, it is to be left out.
  bool fits(const VideoTrack& track, nal::View frame);
  // Whether the codec is another now: a frame alone may have been garbled on the way.
  bool changed(const VideoTrack& track) const;

 private:
  int others_ = 0;  // frames that did not fit, one behind the other
};

// SoundWatch follows frames that say what they are (AAC with ADTS headers, MP3): those of another codec, rate or number
// of channels do not go with the ones before.
class SoundWatch {
 public:
  // As above.
  bool fits(const AudioTrack& track, nal::View frame);
  // The track as the frames have it that were left out just now. The watch then is for that one.
  std::optional<AudioTrack> take_change(const AudioTrack& track);
  // Of the frame that was asked of just now: libavformat goes on counting frames of AAC by the rate that it found at
  // first, from the first of each PES packet on.
  void set_times_right(const AudioTrack& track, AVPacket& packet, AVRational time_base);

 private:
  bool begun_ = false;
  std::optional<SoundHeader> first_;
  std::optional<SoundHeader> now_;     // nothing: its frames say nothing
  std::optional<SoundHeader> next_;    // of the newest frame that did not fit
  int64_t counted_ = AV_NOPTS_VALUE;   // when the next frame is, as libavformat counts...
  int64_t expected_ = AV_NOPTS_VALUE;  // ...and as it is
};

}  // namespace vedette
