#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/file.h"
#include "core/result.h"
#include "live/frame_feed.h"
#include "live/frame_format.h"
#include "live/frame_stream.h"
#include "live/wakeup.h"

namespace vedette {

// FrameClient is one connection to the frame socket: at first somebody who has to say a hello, then the reader of a
// stream. Nothing here waits. Belongs to the server's thread.
class FrameClient {
 public:
  // What is said of a reader whose connection is full for too long.
  static constexpr std::string_view kTakesNothing = "the client takes nothing";

  // `number` is never given again.
  FrameClient(Fd fd, uint64_t number, MonoTime came);
  ~FrameClient();

  int fd() const { return fd_.get(); }
  uint64_t number() const { return number_; }
  MonoTime came() const { return came_; }
  const std::shared_ptr<FrameStream>& stream() const { return stream_; }  // null before the hello

  // Takes what the client sent: the hello, once it is whole. What else comes, and an end, is an error.
  Result<std::optional<frames::Hello>> receive();
  // It is a reader from now on, and what is pushed into the ring rings.
  void begin(std::shared_ptr<FrameStream> stream, const FrameLimits& limits, const std::shared_ptr<Wakeup>& wakeup,
             MonoTime now);

  // Whether something was pushed since it was asked last.
  bool lower_flag() { return pushed_ && pushed_->lower(); }
  // Sends what there is, so many frames at most that others have their turn. `more`: it has not come to an end.
  enum class Outcome { sent, blocked, more };
  Result<Outcome> send(MonoTime now);
  bool blocked() const { return blocked_; }
  // Since when the socket has taken nothing; meant for one that is blocked.
  MonoTime last_progress() const { return last_progress_; }
  // Called when something was pushed while it is blocked.
  void fall_back();

  // Tells why it is closed, if the message goes out at once and the client is not in the middle of another.
  void say_end(const Error& error) const;

 private:
  Result<bool> write_some(MonoTime now);
  void count();

  const Fd fd_;
  const uint64_t number_;
  const MonoTime came_;
  std::string received_;

  std::shared_ptr<FrameStream> stream_;
  std::shared_ptr<PushFlag> pushed_;
  std::unique_ptr<FrameFeed> feed_;
  bool sending_ = false;  // the feed holds a frame
  size_t written_ = 0;    // of it and what is in front of it
  bool blocked_ = false;
  MonoTime last_progress_{};
};

}  // namespace vedette
