#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/clock.h"
#include "sources/events/camera_event.h"

namespace vedette {

// EventTracker makes events with a beginning and an end of what a camera says. What is said again and again is one
// event. It is over when the camera says so, when the camera repeats what goes on and is silent for `hold`, or when
// the connection has been lost for `hold` and the camera does not say it again. An event lasts kShortest at least, and
// one that begins again meanwhile goes on, which bounds how many there can be. Pure; not thread-safe.
class EventTracker {
 public:
  static constexpr seconds kShortest{1};
  static constexpr size_t kMostOpen = 16;  // kinds of event at once; more are not looked at

  struct Rules {
    microseconds hold{10s};
    bool repeats = false;  // what goes on is said again and again, every second or so
  };
  explicit EventTracker(Rules rules) : rules_(rules) {}

  // Each of these adds what it leads to.
  void take(const CameraSign& sign, MonoTime now, std::vector<CameraEvent>& out);
  void expire(MonoTime now, std::vector<CameraEvent>& out);

  void connection_lost(MonoTime now);
  // When expire() will have something to do.
  MonoTime next_due() const;

 private:
  struct Open {
    CameraEventType type;
    MonoTime began;
    MonoTime due;  // is over then
  };

  const Rules rules_;
  std::map<std::string, Open> open_;  // by vendor_type
};

}  // namespace vedette
