#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/json.h"
#include "live/frame_format.h"
#include "media/ring.h"

namespace vedette {

// How far a client may be behind while its socket takes nothing, which is about as long as it may take to come back;
// and what a client must have room for.
struct FrameLimits {
  uint64_t most_frames = 100;
  microseconds most_behind = 4s;
  size_t most_frame_bytes = 10 * 1024 * 1024;
};

// FrameFeed makes of a ring the messages for one client, one frame at a time: from the newest keyframe on every packet,
// in front of it what has to be said first (a gap, another stream). What is left out ends at a keyframe and is counted
// exactly, as a difference of numbers in the ring. It copies no payload, and allocates only for a gap or another
// stream. Belongs to one thread; the ring outlives it.
class FrameFeed {
 public:
  // `about` goes into every stream message, beside what is said of the stream.
  FrameFeed(Ring& ring, const FrameLimits& limits, const Json& about);
  ~FrameFeed();

  // Prepares the next frame; false when there is none yet. To be called again only after done().
  bool next();
  // What is to be sent: notes, head, payload, valid until done().
  std::string_view notes() const { return notes_; }
  std::string_view head() const { return {reinterpret_cast<const char*>(head_.data()), head_.size()}; }
  std::string_view payload() const;
  const Packet& packet() const { return *packet_; }
  // It was sent.
  void done();

  // Called when something was pushed that cannot be sent: gives up what is beyond the limits.
  void fall_back();

  uint64_t frames() const { return frames_; }  // video, prepared
  uint64_t dropped_frames() const;             // video, left out so far

 private:
  void note_gap(const Packet& packet);
  void note_stream(const Packet& packet);

  const FrameLimits limits_;
  const std::unique_ptr<const Json> about_;
  Cursor cursor_;
  std::optional<Packet> packet_;
  frames::FrameHead head_{};
  std::string notes_;
  StreamInfoPtr info_;                     // what the client knows
  std::optional<Cursor::Passed> reached_;  // the end of the last prepared packet; at first the beginning
  uint64_t frames_ = 0;
  uint64_t begin_frames_ = 0;  // of the ring, when this began
  uint64_t too_large_ = 0;     // packets since the last gap that was told
};

}  // namespace vedette
