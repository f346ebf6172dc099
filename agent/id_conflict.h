#pragma once

#include <optional>
#include <string>

#include "core/clock.h"
#include "storage/outbox.h"

namespace vedette {

// IdConflict tells that another client uses the client id of this device, so that each throws the other out of the
// broker: mostly two devices with one device_id, the second a copy of the first one's disk. It is a problem of the
// status and an event. Belongs to the main loop.
class IdConflict {
 public:
  // Where a connection lasts so long nobody else has our id any more: twice the longest pause after such an end
  // (mqtt/pauses.h), as the other one pauses, too.
  static constexpr seconds kPeace{1200};
  // While it goes on, it is told again so often.
  static constexpr seconds kReminder{3600};

  IdConflict(Outbox& outbox, const Clock& clock) : outbox_(outbox), clock_(clock) {}

  void on_connected() { connected_at_ = clock_.mono(); }
  // `announced`: the broker said so; else it was seen from what it does (mqtt/rivals.h).
  void on_taken_over(bool announced);
  void on_disconnected() { connected_at_.reset(); }
  // To be called now and then.
  void look();

  // For people, with the remedy; empty: there is none.
  std::string problem() const;

 private:
  void tell(bool announced);

  Outbox& outbox_;
  const Clock& clock_;
  std::optional<MonoTime> connected_at_;
  int times_ = 0;  // 0: there is no conflict
  UtcTime since_{};
  MonoTime told_at_{};
};

}  // namespace vedette
