#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/rate_limit.h"
#include "core/clock.h"
#include "storage/outbox.h"

namespace vedette {

// OutboxDrain sends what is in the outbox, the oldest first, at a limited rate: after an outage the link is there for
// replies and uploads too, and thousands of devices come back to their broker at once. What the broker took is removed,
// many rows with one commit while there are many; until then a kill has them sent again, with the same id.
//
// What the broker refuses is put aside. One event of each kind of these is tried at every connect and once a minute
// (brokers load an ACL without ending connections); when it is taken the others of its kind line up again. Belongs to
// the main loop.
class OutboxDrain {
 public:
  // Tokens of refused events that are tried again; those of others are their rows, which do not come so far.
  static constexpr uint64_t kTriedAgain = uint64_t{1} << 61;
  static constexpr size_t kMostOutstanding = 32;  // on their way, leaving window for replies
  static constexpr int kRate = 200;               // a second
  static constexpr seconds kTryInterval{60};

  // False: it cannot be sent now.
  using Send = std::function<bool(const OutboxEvent& event, uint64_t token)>;

  OutboxDrain(Outbox& outbox, Send send, const Clock& clock);

  void set_rate(int per_second);
  void on_connected();
  void on_disconnected();
  // Sends what window and rate allow. To be called after anything that may have added to the outbox, and at due().
  void pump();
  // When pump() has to be called though nothing happened; MonoTime::max(): not by itself.
  MonoTime due() const;
  // The broker's answer to what was sent with this token; false: it is none of these.
  bool on_published(uint64_t token, int reason);
  // Whether all is sent, acknowledged and removed, but for what was refused.
  bool drained() const {
    return empty_ && queue_.empty() && outstanding_.empty() && settling_.empty() && taken_.empty();
  }

  // What the broker has refused so far, as of the last time that it changed.
  const std::vector<RefusedEvents>& refused() const { return refused_; }

 private:
  bool fill();
  void settle_when_due();
  void look_at_refused();
  void try_refused();
  void line_up_taken();
  bool is_settling(int64_t row) const;

  Outbox& outbox_;
  const Send send_;
  const Clock& clock_;
  RateLimit rate_;
  bool connected_ = false;
  std::deque<OutboxEvent> queue_;            // read, and not sent yet
  int64_t last_read_ = 0;                    // row
  bool empty_ = false;                       // nothing after last_read_ when last looked,
  int64_t empty_at_ = 0;                     // at so many changes: to look again costs more than to run a command
  bool unreadable_ = false;                  // which was logged
  bool held_ = false;                        // by the rate
  std::map<uint64_t, int64_t> outstanding_;  // rows by token
  std::vector<Outbox::Outcome> settling_;    // answered, and not entered yet
  MonoTime settle_by_;
  bool unwritable_ = false;  // which was logged; then what settles may be of an earlier connection
  std::vector<RefusedEvents> refused_;
  std::map<int64_t, RefusedEvents> tried_;  // refused rows that are tried again, and what they are
  std::deque<RefusedEvents> taken_;         // kinds that the broker takes now, which line up again
  MonoTime next_try_;
};

}  // namespace vedette
