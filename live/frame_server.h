#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "live/frame_feed.h"

namespace vedette {

struct FrameServerConfig {
  std::filesystem::path unix_path{};  // empty: none
  std::string tcp_address{};          // as loopback_address() takes it; empty: none
  size_t most_streams = 64;
  microseconds hello_timeout = 5s;
  microseconds peer_timeout = 10s;  // a client that takes nothing for so long is gone
  FrameLimits limits{};
};

struct FrameStreamState {
  std::string stream_id;
  std::string camera_id;
  std::string profile;
  std::optional<UtcTime> connected_at;  // nothing: no client has come yet
  uint64_t frames = 0;                  // video, sent
  uint64_t dropped = 0;                 // video, left out
  uint64_t bytes = 0;                   // payload, sent
};

// A client has come, or the stream is over and its ring is not used any more.
struct FrameReport {
  enum class Kind { connected, ended };
  Kind kind = Kind::ended;
  FrameStreamState stream;
  std::string reason;  // of the end
};

// FrameServer lets programs on the same machine read the encoded frames of cameras, over a Unix socket or loopback TCP:
// who shows the token of a stream gets it (docs/design/frame-socket.md). One thread serves all, each client with a
// cursor of its own, so that one who does not keep up loses frames and holds up nobody. All methods are thread-safe.
class FrameServer {
 public:
  // Called in the server's thread; must only pass it on.
  using OnReport = std::function<void(FrameReport)>;

  // Errors say what cannot be listened on.
  static Result<std::unique_ptr<FrameServer>> start(FrameServerConfig config, OnReport on_report,
                                                    const Clock& clock = Clock::system());
  ~FrameServer();

  struct Ticket {
    std::string stream_id;
    std::string token;  // 128 random bits in hex
  };
  // A stream that one client can take within `ttl`. The ring outlives it: its end is reported. busy when there are as
  // many as may be, with clients or waiting for them.
  Result<Ticket> open(std::string camera_id, std::string profile, Ring& ring, microseconds ttl);
  std::vector<FrameStreamState> streams() const;
  // Ends it soon; false when there is no such stream.
  bool close(const std::string& stream_id);
  // All streams end.
  void request_stop();

 private:
  struct Impl;
  explicit FrameServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
