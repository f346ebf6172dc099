#include "media/encoded_video.h"

#include <utility>

#include "media/annex_b.h"
#include "media/video_probe.h"

namespace vedette {

namespace {

bool is_jpeg(std::span<const uint8_t> frame) {
  return frame.size() > 2 && frame[0] == 0xff && frame[1] == 0xd8;  // SOI, ITU-T T.81 table B.1
}

}  // namespace

EncodedVideo::EncodedVideo(VideoTrack track, std::optional<AudioTrack> audio, std::string capture)
    : track_(std::move(track)), audio_(std::move(audio)), capture_(std::move(capture)) {
  if (track_.width_px > 0 && !track_.extradata.empty()) set(track_);  // all is known already
}

void EncodedVideo::set(VideoTrack track) {
  track_ = std::move(track);
  info_ = std::make_shared<const StreamInfo>(StreamInfo{track_, audio_, capture_});
}

Result<EncodedVideo::Look> EncodedVideo::look(std::span<const uint8_t> frame) {
  if (track_.codec == VideoCodec::mjpeg) {
    if (!is_jpeg(frame)) return fail(Code::invalid_argument, "a frame that is no JPEG");
    if (!info_) set(track_);
    return Look{info_, true};
  }
  if (!is_byte_stream(frame)) return fail(Code::invalid_argument, "a frame that is not in Annex B");
  const bool keyframe = begins_decoding(track_.codec, frame);
  if (!keyframe) return Look{info_, false};
  if (!info_) {
    auto probed = probe_video(track_, frame);
    if (!probed) return Look{nullptr, true};  // without its parameter sets, perhaps
    if (probed->extradata.empty()) return Look{nullptr, true};
    set(std::move(*probed));
  } else if (auto changed = changed_video(track_, frame)) {
    set(std::move(*changed));
  }
  return Look{info_, true};
}

}  // namespace vedette
