#pragma once

#include <atomic>
#include <thread>

#include "core/clock.h"
#include "core/return_wait.h"
#include "mqtt/url.h"

namespace vedette::mqtt {

// WayBack finds out, while the session is with another broker, when the first one is there again: it makes a TCP
// connection to it now and then and closes it. The first one must have been reached each time for as long as ReturnWait
// says: what accepts TCP need not be a broker that takes us.
//
// A thread of its own, as looking up a name and connecting may take seconds. Private to mqtt/; the methods are for the
// session's thread.
class WayBack {
 public:
  WayBack(BrokerUrl first, seconds after);
  ~WayBack();

  // The session has got a broker: the first one, or another. From the latter on it is watched.
  void arrived(bool at_first);
  // The session is without a broker; nothing is watched.
  void lost() { watching_ = false; }
  // Whether it is time to go back. Once it was, the session leaves.
  bool is_time(MonoTime now) const;
  // The session left for the first broker, which did not take it.
  void in_vain();

 private:
  void run(const std::stop_token& stop);
  bool reached(const std::stop_token& stop) const;

  const BrokerUrl first_;
  microseconds wait_{0};
  int in_vain_ = 0;
  ReturnWait return_wait_;

  std::atomic<bool> watching_ = false;
  std::atomic<int64_t> reached_since_us_ = -1;  // monotonic; -1: not reached
  std::jthread thread_;
};

}  // namespace vedette::mqtt
