#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "core/result.h"
#include "sources/rtsp/rtp.h"
#include "sources/rtsp/sdp.h"

namespace vedette::rtsp {

// A coded frame as it was put together again. `data` is good for the call only.
struct Frame {
  std::span<const uint8_t> data;
  uint32_t timestamp = 0;
  bool keyframe = true;  // decoding can begin here
};

// Depacketiser puts the frames of one stream together again: one kind for each payload format. A frame of which a
// packet is missing is left out and counted, whole: half a frame would look like damage of the video. Input from
// outside: every length is checked, and no frame grows beyond kMostFrameBytes. Used by one thread.
class Depacketiser {
 public:
  using OnFrame = std::function<void(const Frame&)>;
  static constexpr size_t kMostFrameBytes = 16 * 1024 * 1024;

  explicit Depacketiser(OnFrame on_frame) : on_frame_(std::move(on_frame)) {}
  virtual ~Depacketiser() = default;

  // The packets in the order of their sequence numbers; `missing` of them before this one never came.
  virtual void add(const RtpPacket& packet, uint32_t missing) = 0;

  // Frames that were begun and left out.
  uint64_t broken_frames() const { return broken_frames_; }

 protected:
  void count_broken() { ++broken_frames_; }
  void emit(const Frame& frame) const { on_frame_(frame); }

 private:
  OnFrame on_frame_;
  uint64_t broken_frames_ = 0;
};

// Whether there is a depacketiser for what the stream holds, and that one. Video comes out as Annex B.
bool can_depacketise(const Media& media);
std::unique_ptr<Depacketiser> make_depacketiser(const Media& media, Depacketiser::OnFrame on_frame);

}  // namespace vedette::rtsp
