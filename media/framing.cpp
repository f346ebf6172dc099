#include "media/framing.h"

#include "media/nal.h"

namespace vedette {

Framing framing_of(const Packet& packet) {
  const VideoTrack& video = packet.info->video;
  if (video.codec != VideoCodec::h264 && video.codec != VideoCodec::h265) return Framing::whole;
  // avcC and hvcC begin with their version, 1 (ISO/IEC 14496-15).
  if (!video.extradata.empty() && video.extradata[0] == 1) return Framing::lengths;
  const bool shows_lengths = packet.video() && !nal::begins_with_start_code(packet.payload());
  return shows_lengths ? Framing::lengths : Framing::start_codes;
}

}  // namespace vedette
