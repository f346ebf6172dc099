#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.h"
#include "storage/database.h"
#include "storage/frequent_losses.h"
#include "storage/loss.h"
#include "storage/unwritten.h"

namespace vedette {

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

// Every loss becomes a row here and a loss.recorded event in the outbox, in one transaction; of what the network loses
// again and again, a row a minute (storage/frequent_losses.h). Thread-safe.
class LossLedger {
 public:
  explicit LossLedger(Database& database);
  Status record(const Loss& loss);
  // What was found missing now, by this clock: it gets its id here. What the database does not take is kept in memory,
  // at most kMostUnwritten rows: beyond, a loss joins the newest of the same kind, camera and reason, which then spans
  // both.
  void note(Loss loss, const Clock& clock);
  // Writes what is kept, and of what is gathered that of minutes that are over by then (at kNever: all). To be called
  // now and then.
  Status write_kept(MonoTime now);
  // Counts the rows every few minutes; of more than kMostRows the oldest go, some at a time. To be called now and then,
  // by one thread.
  Status forget_oldest(MonoTime now);
  // Inside a transaction of somebody else's.
  static Status record(Database::Access& db, const Loss& loss);
  static constexpr size_t kMostUnwritten = 256;
  static constexpr int64_t kMostRows = 200'000;          // about 100 MiB
  Result<LossPage> query(const LossQuery& query) const;  // invalid_argument for a bad cursor
  // Those of a camera that overlap [from, to), the newest first; `most` at most.
  Result<std::vector<Loss>> of_camera(const std::string& camera_id, UtcTime from, UtcTime to, int most) const;
  Result<int64_t> count() const;

 private:
  void write(const Loss& loss);

  Database& database_;
  FrequentLosses frequent_;
  Unwritten<Loss> unwritten_{kMostUnwritten};
  std::optional<MonoTime> counted_at_;
};

}  // namespace vedette
