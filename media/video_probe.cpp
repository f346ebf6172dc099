#include "media/video_probe.h"

#include "core/log.h"
#include "media/decode.h"
#include "media/nal.h"
#include "media/parameter_sets.h"

namespace vedette {

Result<VideoTrack> probe_video(VideoTrack track, std::span<const uint8_t> keyframe) {
  if (track.extradata.empty()) track.extradata = nal::parameter_sets(track.codec, keyframe);
  const auto decoded = libav::decode_keyframe(track, keyframe);
  if (!decoded) return decoded.error_as_is();
  track.width_px = decoded->frame->width;
  track.height_px = decoded->frame->height;
  track.reorder_frames = decoded->reorder_frames;
  return track;
}

std::optional<VideoTrack> changed_video(const VideoTrack& track, std::span<const uint8_t> keyframe) {
  auto changed = changed_parameter_sets(track, keyframe);
  if (!changed) return std::nullopt;
  VideoTrack next = track;
  next.extradata = std::move(*changed);
  auto probed = probe_video(std::move(next), keyframe);
  if (probed) return std::move(*probed);
  log::debug("keyframe with new parameter sets", {{"error", probed.error().message}});
  return std::nullopt;
}

}  // namespace vedette
