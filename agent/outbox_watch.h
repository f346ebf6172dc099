#pragma once

#include <set>
#include <string>
#include <utility>

#include "agent/publisher.h"
#include "core/clock.h"
#include "storage/outbox.h"

namespace vedette {

// The word for a reason code with which a broker refuses a PUBLISH (MQTT 5, 3.4.2.1).
std::string refusal_word(int reason);

// OutboxWatch sees to what does not get out of the outbox: it removes what is too old, tells what was dropped, once a
// broker is there to be told (and then every kTellInterval at most), and tells which events the broker refuses. Belongs
// to the main loop.
class OutboxWatch {
 public:
  static constexpr seconds kExpireInterval{60};
  static constexpr seconds kTellInterval{600};

  OutboxWatch(Outbox& outbox, Publisher& publisher, const Clock& clock);

  void on_connected() { next_tell_ = {}; }
  // To be called every second or so. True: what the broker refuses has changed.
  bool look(MonoTime now);

 private:
  using Kind = std::pair<std::string, int>;  // type and reason

  bool look_at_refused();

  Outbox& outbox_;
  Publisher& publisher_;
  const Clock& clock_;
  std::set<Kind> told_;  // those that are refused, as they were told last
  MonoTime next_expire_, next_tell_;
};

}  // namespace vedette
