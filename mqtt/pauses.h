#pragma once

#include "core/backoff.h"
#include "core/clock.h"
#include "mqtt/reasons.h"

namespace vedette::mqtt {

// Pauses says how long to wait before the next try, by why the last one failed or ended. Each cause has a pause of its
// own that doubles, with jitter (core/backoff.h); with the session's defaults of 1 s and 60 s, that is:
//
//   network      1 s to 60 s      also a broker that shuts down: it is mostly back in seconds
//   busy         5 s to 300 s     the broker is overloaded or over a quota
//   refused     30 s to 60 s      so that a corrected password counts within a minute
//   banned      300 s to 600 s
//   taken_over  10 s to 600 s     two devices with one id: each throws the other out, so they must not hurry
//
// Private to mqtt/; used by one thread.
class Pauses {
 public:
  // A connection that lasted so long was a good one, and the pauses begin anew. A broker that accepts and drops again
  // is not tried once a second for ever.
  static constexpr seconds kStable{60};

  Pauses(milliseconds first, milliseconds most);

  // A connection that lasted longer than this, and there is no other device with our id (any more).
  microseconds peace() const { return peace_; }
  // `lasted`: how long the connection was up; 0 when it never was.
  milliseconds next(Cause cause, microseconds lasted);

 private:
  Backoff network_;
  Backoff busy_;
  Backoff refused_;
  Backoff banned_;
  Backoff taken_over_;
  // Where two fight over an id, each connection lasts as long as the other one's pause: that is no sign of peace.
  const microseconds peace_;
};

}  // namespace vedette::mqtt
