#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/result.h"
#include "sources/events/camera_event.h"
#include "sources/events/event_dialogue.h"

namespace vedette {

// EventFeed asks one camera what it notices, in a thread of its own ("evt-<camera>"): it keeps a dialogue with it going
// (event_dialogue.h), makes events of what it says (event_tracker.h), and begins again when that ends, after a jittered
// pause (retry_pauses.h: a minute and more after a wrong password).
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
