#include "media/stream_info.h"

#include "media/mp4_tracks.h"

namespace vedette {

std::string_view codec_name(VideoCodec codec) {
  switch (codec) {
    case VideoCodec::h264:
      return "h264";
    case VideoCodec::h265:
      return "h265";
    case VideoCodec::mpeg4:
      return "mpeg4";
    case VideoCodec::mjpeg:
      return "mjpeg";
  }
  return "unknown";
}

std::string_view codec_name(AudioCodec codec) {
  switch (codec) {
    case AudioCodec::aac:
      return "aac";
    case AudioCodec::pcmu:
      return "pcmu";
    case AudioCodec::pcma:
      return "pcma";
    case AudioCodec::mp3:
      return "mp3";
    case AudioCodec::opus:
      return "opus";
  }
  return "unknown";
}

bool StreamInfo::compatible(const StreamInfo& other) const {
  VideoTrack mine = video;
  mine.fps = other.video.fps;
  return (mine == other.video && audio == other.audio) || mp4::same_tracks(*this, other);
}

}  // namespace vedette
