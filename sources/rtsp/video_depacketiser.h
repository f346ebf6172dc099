#pragma once

#include <optional>

#include "sources/rtsp/access_unit.h"
#include "sources/rtsp/depacketiser.h"

namespace vedette::rtsp {

// What H.264 and H.265 over RTP have in common: NAL units that come whole, several in a packet, or in pieces; the
// marker ends a frame. Cameras that forget the marker end it with the next timestamp.
class VideoDepacketiser : public Depacketiser {
 public:
  using Depacketiser::Depacketiser;
  void add(const RtpPacket& packet, uint32_t missing) override;

 protected:
  using Bytes = std::span<const uint8_t>;

  // What is in one packet; not empty.
  virtual void take(Bytes payload) = 0;
  // Whether decoding can begin with a frame that holds this unit.
  virtual bool begins_decoding(Bytes unit) const = 0;

  void add_unit(Bytes unit);
  // Units behind their 16-bit lengths.
  void add_units(Bytes list);
  void add_piece(Bytes head, Bytes piece, bool first, bool last);
  void set_broken() { frame_.set_broken(); }

 private:
  void finish();

  AccessUnit frame_;
  bool in_pieces_ = false;  // the last unit is not at its end
};

}  // namespace vedette::rtsp
