#pragma once

#include <cstring>
#include <vector>

#include "media/ring.h"

namespace vedette::test {

// A packet that knows its number: it is the first eight bytes of the payload.
inline Packet numbered(uint64_t number, MonoTime pts, size_t bytes, bool keyframe, Track track = Track::video) {
  std::vector<uint8_t> payload(std::max(bytes, sizeof number));
  std::memcpy(payload.data(), &number, sizeof number);
  Packet packet;
  packet.data = Payload::copy_of(payload);
  packet.pts = packet.dts = pts;
  packet.track = track;
  packet.keyframe = keyframe;
  return packet;
}

inline uint64_t number_of(const Packet& packet) {
  uint64_t number = 0;
  std::memcpy(&number, packet.payload().data(), sizeof number);
  return number;
}

// The numbers of what there is to read now.
inline std::vector<uint64_t> drain(Cursor& cursor, size_t most = 100000) {
  std::vector<Packet> packets;
  cursor.read(packets, most, Clock::system().mono(), {});
  std::vector<uint64_t> numbers;
  for (const Packet& p : packets) numbers.push_back(number_of(p));
  return numbers;
}

}  // namespace vedette::test
