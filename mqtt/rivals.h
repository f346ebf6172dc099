#pragma once

#include "core/clock.h"
#include "mqtt/reasons.h"

namespace vedette::mqtt {

// Rivals finds out that another client uses our client id. A broker that takes one of the two throws the other one
// out. MQTT 5 has a reason for that (0x8e), but mosquitto 2.0.11 closes the connection without a word (measured), and
// so does every broker with MQTT 3.1.1. What is seen then: a connection with a session that was kept ends in less than
// a minute without a reason, and the next try succeeds at once; three times in a row that is taken for a rival. A
// broker that restarts is not reached in between, or knows no session.
//
// Private to mqtt/; used by one thread.
class Rivals {
 public:
  // A connection that lasts longer than `peace` says that there is no rival any more.
  explicit Rivals(microseconds peace) : peace_(peace) {}

  struct End {
    Cause cause = Cause::network;
    bool was_ready = false;
    bool session_present = false;
    microseconds lasted{0};
  };
  // Whether a rival is the likely reason why this connection ended, or this try failed.
  bool judge(const End& end);

 private:
  const microseconds peace_;
  int in_a_row_ = 0;
  bool known_ = false;
};

}  // namespace vedette::mqtt
