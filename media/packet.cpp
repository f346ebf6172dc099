#include "media/packet.h"

#include <cstring>
#include <new>

#include "media/libav.h"

namespace vedette {

std::span<const uint8_t> Packet::payload() const {
  if (!data) return {};
  return {data->data, static_cast<size_t>(data->size)};
}

std::shared_ptr<const AVPacket> make_av_packet(std::span<const uint8_t> payload) {
  libav::PacketPtr packet(av_packet_alloc());
  if (!packet || av_new_packet(packet.get(), static_cast<int>(payload.size())) < 0) throw std::bad_alloc();
  if (!payload.empty()) std::memcpy(packet->data, payload.data(), payload.size());
  return {packet.release(), libav::PacketFree()};
}

}  // namespace vedette
