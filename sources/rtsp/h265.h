#pragma once

#include "sources/rtsp/video_depacketiser.h"

namespace vedette::rtsp {

// H.265 over RTP (RFC 7798) in decoding order: single units, aggregation packets and fragmentation units. Streams with
// decoding order numbers (sprop-max-don-diff above 0), which no camera was seen to send, are not for this one.
class H265Depacketiser : public VideoDepacketiser {
 public:
  using VideoDepacketiser::VideoDepacketiser;

 private:
  void take(Bytes payload) override;
  bool begins_decoding(Bytes unit) const override;
};

}  // namespace vedette::rtsp
