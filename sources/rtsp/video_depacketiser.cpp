#include "sources/rtsp/video_depacketiser.h"

namespace vedette::rtsp {

void VideoDepacketiser::add(const RtpPacket& packet, uint32_t missing) {
  // What is missing may be the end of the frame before, the beginning of this one, or both.
  if (missing > 0 && frame_.timestamp()) frame_.set_broken();
  if (frame_.timestamp() && *frame_.timestamp() != packet.timestamp) finish();
  if (!frame_.timestamp()) {
    frame_.begin(packet.timestamp);
    in_pieces_ = false;
    if (missing > 0) frame_.set_broken();
  }
  if (!packet.payload.empty()) take(packet.payload);
  if (packet.marker) finish();
}

void VideoDepacketiser::add_unit(Bytes unit) {
  if (in_pieces_) frame_.set_broken();
  in_pieces_ = false;
  if (unit.empty()) return;
  frame_.add_unit(unit);
  if (begins_decoding(unit)) frame_.set_keyframe();
}

void VideoDepacketiser::add_units(Bytes list) {
  while (list.size() > 2) {
    const size_t size = static_cast<size_t>(list[0]) << 8 | list[1];
    if (size > list.size() - 2) return frame_.set_broken();
    add_unit(list.subspan(2, size));
    list = list.subspan(2 + size);
  }
}

void VideoDepacketiser::add_piece(Bytes head, Bytes piece, bool first, bool last) {
  if (first == in_pieces_) frame_.set_broken();  // an end is missing, or a beginning
  if (first) {
    frame_.begin_unit(head);
    if (begins_decoding(head)) frame_.set_keyframe();
  }
  frame_.add_piece(piece);
  in_pieces_ = !last;
}

void VideoDepacketiser::finish() {
  if (in_pieces_) frame_.set_broken();
  if (frame_.broken())
    count_broken();
  else if (!frame_.empty())
    emit({frame_.bytes(), *frame_.timestamp(), frame_.keyframe()});
  frame_.clear();
  in_pieces_ = false;
}

}  // namespace vedette::rtsp
