#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/result.h"
#include "sources/rtsp/message.h"

namespace vedette::rtsp {

// Interleaved takes apart what comes over an RTSP connection once the camera plays (RFC 2326, section 10.12): frames
// behind a '$', each of a channel, and messages between them. Some cameras put a few bytes of nothing there too. Used
// by one thread.
class Interleaved {
 public:
  using OnFrame = std::function<void(int channel, std::span<const uint8_t> bytes)>;
  using OnMessage = std::function<Status(const Incoming& message)>;

  Interleaved(OnFrame on_frame, OnMessage on_message)
      : on_frame_(std::move(on_frame)), on_message_(std::move(on_message)) {}

  // What was received. camera_unavailable when it is no RTSP any more; what the message's taker says.
  Status take(std::span<const uint8_t> bytes);

 private:
  Result<size_t> take_one(std::span<const uint8_t> bytes);
  Result<size_t> take_message(std::span<const uint8_t> bytes);

  const OnFrame on_frame_;
  const OnMessage on_message_;
  std::vector<uint8_t> rest_;  // the beginning of what is not all there yet
  size_t garbage_bytes_ = 0;   // one after the other
};

}  // namespace vedette::rtsp
