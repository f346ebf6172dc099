#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "media/packet.h"
#include "media/stream_info.h"

struct vedette_source_packet;
struct vedette_source_streams;

namespace vedette::plugin {

// What the packets of a plug-in are, as it says.
struct Streams {
  VideoTrack video;  // codec and rate; the rest is seen from the frames
  std::optional<AudioTrack> audio;
  bool operator==(const Streams&) const = default;
};

struct Pushed {
  std::shared_ptr<const Streams> streams;
  Payload data;
  Track track = Track::video;
  microseconds pts{0};
  microseconds dts{0};
  MonoTime arrival;
  uint32_t lost_before = 0;
};

// PushQueue is what lies between the threads of a plug-in, which push, and the one that takes: everything that is
// pushed is checked here, and copied. A plug-in is not trusted to know what it does: sizes, times, pointers and codecs
// are looked at, and what cannot be is refused. Bounded: when nobody takes, packets are dropped up to the next
// keyframe. Thread-safe.
class PushQueue {
 public:
  static constexpr size_t kMostPackets = 512;
  static constexpr size_t kMostBytes = 64 * 1024 * 1024;
  static constexpr size_t kMostVideoBytes = 16 * 1024 * 1024;
  static constexpr size_t kMostAudioBytes = 64 * 1024;
  static constexpr microseconds kMostReordering = 2s;
  static constexpr int kMostRefused = 100;

  // camera_unavailable: it is closed; invalid_argument: it is refused, with the reason.
  Status push(const vedette_source_streams* streams);
  Status push(const vedette_source_packet* packet, MonoTime arrival);

  // The next packet; nothing at the deadline, at the stop, when it is closed, or after wake().
  std::optional<Pushed> take(MonoTime deadline, const std::stop_token& stop);
  // Ends the wait of take().
  void wake();
  // From here on nothing is taken in, and what is there is dropped.
  void close();

  // How often something was refused, and why the first time.
  int refused() const;
  std::string why_refused() const;

 private:
  Status refuse(std::string reason);
  Status check(const vedette_source_packet& packet) const;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Pushed> queue_;
  size_t bytes_ = 0;
  bool closed_ = false;
  bool woken_ = false;
  std::shared_ptr<const Streams> streams_;
  std::optional<microseconds> last_dts_[2];  // by track, of what was taken in
  bool dropping_ = false;                    // up to the next keyframe
  uint32_t lost_ = 0;
  int refused_ = 0;
  std::string why_refused_;
};

}  // namespace vedette::plugin
