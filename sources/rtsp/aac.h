#pragma once

#include <vector>

#include "sources/rtsp/depacketiser.h"

namespace vedette::rtsp {

// How RFC 3640 packs the frames: the bits of the fields in front of them.
struct AacFormat {
  int size_bits = 13;        // sizelength
  int index_bits = 3;        // indexlength
  int index_delta_bits = 3;  // indexdeltalength
};
// From the fmtp; invalid_argument for what makes no sense.
Result<AacFormat> aac_format(const Media& media);

// AAC over RTP (RFC 3640, AAC-hbr and AAC-lbr): several frames in a packet, or one in several packets.
class AacDepacketiser : public Depacketiser {
 public:
  AacDepacketiser(AacFormat format, OnFrame on_frame) : Depacketiser(std::move(on_frame)), format_(format) {}
  void add(const RtpPacket& packet, uint32_t missing) override;

 private:
  void add_piece(const RtpPacket& packet, std::span<const uint8_t> bytes, size_t size);

  // Samples in one frame: what the timestamps of further frames in a packet are apart.
  static constexpr uint32_t kFrameSamples = 1024;

  const AacFormat format_;
  std::vector<uint8_t> frame_;  // of which pieces are still to come
  size_t frame_size_ = 0;
  uint32_t timestamp_ = 0;
};

}  // namespace vedette::rtsp
