#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/json.h"
#include "storage/database.h"
#include "storage/unwritten.h"

namespace vedette {

// Something that was due and is not there.
struct Loss {
  std::string loss_id;
  UtcTime at;
  std::string what;       // "packets", "clip", "event"
  std::string camera_id;  // or empty
  std::string clip_id;    // or empty
  UtcTime start;
  UtcTime end;
  int64_t packets = 0;
  int64_t bytes = 0;
  std::string reason;  // "reader_late", "no_space", "file_damaged", ...
  // Time truth: in which boot of the machine its times were told, and by which offset between the clocks. Empty: its
  // times are those of something else, a clip that was deleted say.
  std::string boot_id = {};
  microseconds clock_offset{0};
  bool clock_synced = false;
};

Json to_json(const Loss& loss);

struct LossQuery {
  std::optional<UtcTime> from;  // losses whose span overlaps [from, to); one without length counts as an instant
  std::optional<UtcTime> to;
  int limit = 50;
  std::string cursor;  // next_cursor of the page before
};

// The newest first, by the instant at which they were found.
struct LossPage {
  std::vector<Loss> losses;
  std::string next_cursor;  // empty: that was all
};

// Every loss becomes a row here and a loss.recorded event in the outbox, in one transaction. Thread-safe.
class LossLedger {
 public:
  explicit LossLedger(Database& database);
  Status record(const Loss& loss);
  // What was found missing now, by this clock: it gets its id here. What the database does not take is kept in memory,
  // at most kMostUnwritten rows: beyond, a loss joins the newest of the same kind, camera and reason, which then spans
  // both.
  void note(Loss loss, const Clock& clock);
  // Writes what is kept. To be called now and then.
  Status write_kept();
  // Inside a transaction of somebody else's.
  static Status record(Database::Access& db, const Loss& loss);
  static constexpr size_t kMostUnwritten = 256;
  Result<LossPage> query(const LossQuery& query) const;  // invalid_argument for a bad cursor
  // Those of a camera that overlap [from, to), the newest first; `most` at most.
  Result<std::vector<Loss>> of_camera(const std::string& camera_id, UtcTime from, UtcTime to, int most) const;
  Result<int64_t> count() const;

 private:
  Database& database_;
  Unwritten<Loss> unwritten_{kMostUnwritten};
};

}  // namespace vedette
