#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/clock.h"
#include "media/ring.h"

namespace vedette {

// FrameStream is the permission to read one camera once: a token that waits for its client, then the connection that
// came with it. Shared by whoever lists it and the thread that serves it; what changes is atomic.
struct FrameStream {
  const std::string id;
  const std::string camera_id;
  const std::string profile;
  const std::string token;
  const MonoTime expires;  // unless a client has come
  Ring& ring;

  std::atomic<bool> closing = false;     // somebody asked for its end
  std::atomic<int64_t> since_utc_us{0};  // 0: nobody has come yet
  std::atomic<uint64_t> frames{0};       // video, sent
  std::atomic<uint64_t> dropped{0};      // video, left out
  std::atomic<uint64_t> bytes{0};        // payload, sent
};

}  // namespace vedette
