#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "media/ring.h"

namespace vedette::test {

// A camera at 25 fps that pushes what it is told to. Each payload is filled with its number in the ring.
class RingFeed {
 public:
  explicit RingFeed(Ring& ring) : ring_(ring) { set_size(640, 360); }

  // What comes from here on is of another size.
  void set_size(int width_px, int height_px) {
    auto info = std::make_shared<StreamInfo>();
    info->video.width_px = width_px;
    info->video.height_px = height_px;
    info->video.extradata = {0, 0, 0, 1, 0x67, static_cast<uint8_t>(width_px & 0xff)};
    info_ = info;
  }
  // The same stream, described once more, as after a reconnect.
  void describe_again() { info_ = std::make_shared<StreamInfo>(*info_); }

  void gop(int frames, size_t bytes = 1000) {
    for (int i = 0; i < frames; ++i) frame(i == 0, bytes);
  }
  void frame(bool keyframe, size_t bytes = 1000) {
    time_ += 40ms;
    push(Track::video, keyframe, bytes);
  }
  void audio(size_t bytes = 100) { push(Track::audio, true, bytes); }

  uint64_t count() const { return count_; }
  // What the packet of this number carried.
  static std::string payload_of(uint64_t number, size_t bytes) {
    std::string payload(std::max(bytes, 5 + sizeof number), static_cast<char>('a' + number % 26));
    std::memcpy(payload.data(), "\0\0\0\1\x65", 5);
    std::memcpy(payload.data() + 5, &number, sizeof number);
    return payload;
  }
  static uint64_t number_in(const std::string& payload) {
    uint64_t number = 0;
    std::memcpy(&number, payload.data() + 5, sizeof number);
    return number;
  }

 private:
  void push(Track track, bool keyframe, size_t bytes) {
    const std::string payload = payload_of(count_++, bytes);
    Packet packet;
    packet.data = Payload::copy_of({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()});
    packet.info = info_;
    packet.pts = packet.dts = time_;
    packet.arrival = Clock::system().mono();
    packet.arrival_utc = Clock::system().utc();
    packet.duration = 40ms;
    packet.track = track;
    packet.keyframe = keyframe;
    ring_.push(std::move(packet));
  }

  Ring& ring_;
  StreamInfoPtr info_;
  MonoTime time_{100s};
  uint64_t count_ = 0;
};

}  // namespace vedette::test
