#pragma once

#include "sources/rtsp/video_depacketiser.h"

namespace vedette::rtsp {

// H.264 over RTP (RFC 6184), packetization modes 0 and 1: single units, STAP-A and FU-A. Those of mode 2, which no
// camera sends, break their frame.
class H264Depacketiser : public VideoDepacketiser {
 public:
  using VideoDepacketiser::VideoDepacketiser;

 private:
  void take(Bytes payload) override;
  bool begins_decoding(Bytes unit) const override;
};

}  // namespace vedette::rtsp
