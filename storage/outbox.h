#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "storage/database.h"
#include "storage/outbox_limits.h"
#include "storage/unwritten.h"

namespace vedette {

// A fact that must reach the other side: a row first, a message afterwards.
struct OutboxEvent {
  int64_t row = 0;  // order; given by the database. Negative: the broker refused it
  std::string id;   // UUIDv7, the same in every re-sending
  UtcTime at;
  std::string type;         // "clip.ready"
  std::string camera_id;    // empty: none
  std::string command_id;   // empty: none
  std::string traceparent;  // empty: none
  std::string data;         // JSON text
  int refused = 0;          // the broker's reason code; 0: it has not refused it
};

OutboxEvent make_event(std::string type, std::string camera_id, const Json& data, UtcTime now);

struct OutboxFigures {
  int64_t rows = 0;      // that wait to be sent
  int64_t refused = 0;   // that the broker refused, beside these
  int64_t bytes = 0;     // of both
  int64_t oldest_s = 0;  // of those that wait
  // Since the start, and what an earlier run has not told any more.
  uint64_t dropped_records = 0;
  uint64_t dropped_notices = 0;

  uint64_t dropped_total() const { return dropped_records + dropped_notices; }
};

// Events of one type that the broker refused for one reason.
struct RefusedEvents {
  std::string type;
  int reason = 0;  // reason code of its PUBACK
  int64_t rows = 0;

  bool operator==(const RefusedEvents&) const = default;
};

// Outbox keeps events until the broker has acknowledged them; a restart sends again what was not. What the broker
// refused is put aside, out of the way of the others, and kept as long. Each class is bounded by rows, bytes and age;
// beyond, its oldest go, those that were refused before those that wait (outbox_bounds.h), counted and told. One that
// goes so while it is on its way to the broker is counted all the same. Thread-safe.
class Outbox {
 public:
  explicit Outbox(Database& database, const OutboxLimits& limits = {});

  // What is too much by these goes at once.
  Status set_limits(const OutboxLimits& limits);

  Status add(const OutboxEvent& event);
  // The same for what must not be lost when the database does not take it: kept in memory then, and written later.
  void note(const OutboxEvent& event);
  Status write_kept();
  // Inside a transaction of somebody else's: clip, event and upload rows are committed together.
  static Status add(Database::Access& db, const OutboxEvent& event);

  // The oldest of those that wait after `after_row`.
  Result<std::vector<OutboxEvent>> next(int64_t after_row, int most) const;
  // As long as this is the same, next() gives nothing that it did not give before. Does not wait for the database.
  int64_t changes() const { return database_.rows_changed(); }

  // What the broker said to an event that was sent.
  struct Outcome {
    int64_t row = 0;
    int refused = 0;  // reason code; 0: it took it
  };
  // Removes what it took and puts aside what it refused. All in one commit that waits for no disk: what a power cut
  // undoes of it is sent again.
  Status settle(const std::vector<Outcome>& outcomes);

  Result<std::vector<RefusedEvents>> refused() const;
  // The oldest of each kind of these.
  Result<std::vector<OutboxEvent>> oldest_refused() const;
  // Lines the oldest of a kind up again, behind all that wait, at most `most` of them; says how many.
  Result<int> line_up_again(const std::string& type, int reason, int most);

  // Removes what is too old by now.
  Status expire(UtcTime now);
  // Whether events went that nobody was told of.
  Result<bool> has_dropped() const;
  // Tells of them: one event outbox.dropped, and a loss for each class and reason.
  Status tell_dropped(UtcTime now);

  Result<OutboxFigures> figures(UtcTime now) const;

 private:
  static constexpr size_t kMostUnwritten = 256;
  Database& database_;
  Unwritten<OutboxEvent> unwritten_{kMostUnwritten};
  int64_t records_before_ = 0;  // dropped and told by earlier runs
  int64_t notices_before_ = 0;
};

}  // namespace vedette
