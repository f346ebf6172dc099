#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "storage/database.h"
#include "storage/unwritten.h"

namespace vedette {

// A fact that must reach the other side: a row first, a message afterwards.
struct OutboxEvent {
  int64_t row = 0;  // order; given by the database
  std::string id;   // UUIDv7, the same in every re-sending
  UtcTime at;
  std::string type;         // "clip.ready"
  std::string camera_id;    // empty: none
  std::string command_id;   // empty: none
  std::string traceparent;  // empty: none
  std::string data;         // JSON text
};

OutboxEvent make_event(std::string type, std::string camera_id, const Json& data, UtcTime now);

struct OutboxFigures {
  int64_t rows = 0;
  int64_t oldest_s = 0;
  uint64_t dropped_total = 0;  // since the start
};

// Outbox keeps events until the broker has acknowledged them; a restart sends again what was not. It is bounded: above
// `most_rows` the oldest rows go, counted. Thread-safe.
class Outbox {
 public:
  static constexpr int64_t kMostRows = 100'000;

  explicit Outbox(Database& database, int64_t most_rows = kMostRows);

  Status add(const OutboxEvent& event);
  // The same for what must not be lost when the database does not take it: kept in memory then, and written later.
  void note(const OutboxEvent& event);
  Status write_kept();
  // Inside a transaction of somebody else's: clip, event and upload rows are committed together.
  static Status add(Database::Access& db, const OutboxEvent& event);

  // The oldest rows after `after_row`.
  Result<std::vector<OutboxEvent>> next(int64_t after_row, int most) const;
  Status remove(int64_t row);
  Result<OutboxFigures> figures(UtcTime now) const;

 private:
  static constexpr size_t kMostUnwritten = 256;
  Database& database_;
  Unwritten<OutboxEvent> unwritten_{kMostUnwritten};
  int64_t dropped_before_ = 0;  // counted by earlier runs
};

}  // namespace vedette
