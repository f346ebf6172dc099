#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "sources/events/camera_event.h"

namespace vedette {

struct EventFeedConfig {
  std::string camera_id;
  std::string url;  // of the camera: hik:// or dahua://; its channel counts
  std::string username;
  std::string password;
  uint16_t http_port = 80;
  microseconds hold = 10s;     // how long an event goes on while nothing is heard of it
  microseconds silence = 30s;  // no part for so long, heartbeats included: the connection is dead
};

// EventFeed asks one camera what it notices, in a thread of its own ("evt-<camera>"): it keeps the camera's answer
// open, makes events of it (event_tracker.h), and asks again when the connection ends, after a jittered pause
// (retry_pauses.h: a minute and more after a wrong password).
//
// `on_event` is called from the thread and must only pass it on. Destruction takes 500 ms at most; what goes on then is
// not told to be over.
class EventFeed {
 public:
  using OnEvent = std::function<void(const std::string& camera_id, const CameraEvent& event)>;

  // unsupported: there are no events of such a URL; invalid_argument: what is wrong with it.
  static Result<std::unique_ptr<EventFeed>> start(EventFeedConfig config, OnEvent on_event,
                                                  const Clock& clock = Clock::system());
  ~EventFeed();

  void request_stop();

 private:
  struct Impl;
  explicit EventFeed(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
