#include "media/video_profile.h"

#include "media/nal.h"

namespace vedette {

namespace {

std::string h264_profile(uint8_t profile_idc, uint8_t constraints) {
  constexpr uint8_t kSet1 = 0x40;  // constraint_set1_flag
  switch (profile_idc) {
    case 66:
      return constraints & kSet1 ? "constrained baseline" : "baseline";
    case 77:
      return "main";
    case 88:
      return "extended";
    case 100:
      return "high";
    case 110:
      return "high 10";
    case 122:
      return "high 4:2:2";
    case 244:
      return "high 4:4:4 predictive";
    default:
      return {};
  }
}

std::string h265_profile(uint8_t general_profile_idc) {
  switch (general_profile_idc) {
    case 1:
      return "main";
    case 2:
      return "main 10";
    case 3:
      return "main still picture";
    case 4:
      return "range extensions";
    default:
      return {};
  }
}

// Of a sequence parameter set, its NAL header included; empty for another unit.
std::string profile_of_unit(VideoCodec codec, nal::View unit) {
  constexpr uint8_t kH264Sps = 7, kH265Sps = 33;
  constexpr uint8_t kH264Type = 0x1f, kH265Type = 0x3f, kProfileIdc = 0x1f;
  if (unit.size() < 4) return {};
  if (codec == VideoCodec::h264) return (unit[0] & kH264Type) == kH264Sps ? h264_profile(unit[1], unit[2]) : "";
  return ((unit[0] >> 1) & kH265Type) == kH265Sps ? h265_profile(unit[3] & kProfileIdc) : "";
}

}  // namespace

std::string video_profile(const VideoTrack& track) {
  if (track.codec != VideoCodec::h264 && track.codec != VideoCodec::h265) return {};
  const nal::View extradata = track.extradata;
  if (!nal::begins_with_start_code(extradata)) {  // avcC or hvcC, which have it in front (ISO/IEC 14496-15)
    if (extradata.size() < 4 || extradata[0] != 1) return {};
    return track.codec == VideoCodec::h264 ? h264_profile(extradata[1], extradata[2])
                                           : h265_profile(extradata[1] & 0x1f);
  }
  std::string profile;
  nal::for_each_in_byte_stream(extradata, [&](nal::View unit) {
    if (profile.empty()) profile = profile_of_unit(track.codec, unit);
  });
  return profile;
}

}  // namespace vedette
