#include "sources/rtsp/depacketiser.h"

#include "sources/rtsp/aac.h"
#include "sources/rtsp/h264.h"
#include "sources/rtsp/h265.h"

namespace vedette::rtsp {

namespace {

// G.711 (RFC 3551): the samples are the payload.
class SampleDepacketiser : public Depacketiser {
 public:
  using Depacketiser::Depacketiser;
  void add(const RtpPacket& packet, uint32_t) override {
    if (!packet.payload.empty()) emit({packet.payload, packet.timestamp, true});
  }
};

bool in_decoding_order(const Media& media) {
  const auto difference = media.format.find("sprop-max-don-diff");
  return difference == media.format.end() || difference->second == "0";
}

bool is_packed_aac(const Media& media) {
  const auto mode = media.format.find("mode");
  return media.encoding == "MPEG4-GENERIC" && mode != media.format.end() && mode->second.starts_with("AAC") &&
         media.format.count("config") > 0 && aac_format(media);
}

}  // namespace

bool can_depacketise(const Media& media) {
  if (media.clock_rate_hz <= 0) return false;
  if (media.kind == "video") return media.encoding == "H264" || (media.encoding == "H265" && in_decoding_order(media));
  return media.encoding == "PCMU" || media.encoding == "PCMA" || is_packed_aac(media);
}

std::unique_ptr<Depacketiser> make_depacketiser(const Media& media, Depacketiser::OnFrame on_frame) {
  if (media.encoding == "H264") return std::make_unique<H264Depacketiser>(std::move(on_frame));
  if (media.encoding == "H265") return std::make_unique<H265Depacketiser>(std::move(on_frame));
  if (media.encoding == "MPEG4-GENERIC")
    return std::make_unique<AacDepacketiser>(*aac_format(media), std::move(on_frame));
  return std::make_unique<SampleDepacketiser>(std::move(on_frame));
}

}  // namespace vedette::rtsp
