#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/clock.h"
#include "storage/command_journal.h"
#include "storage/command_record.h"
#include "storage/database.h"

namespace vedette {

// One line of the audit: who asked what and how it ended. No parameters, which may hold anything.
struct AuditEntry {
  std::string command_id;
  std::string verb;
  std::string actor;      // empty: not told
  std::string camera_id;  // empty: none
  UtcTime received_at;
  std::string status;  // empty: not finished
  std::string code;
  std::string message;
  int64_t took_ms = 0;
};

// The newest first. Absent: any.
struct AuditQuery {
  std::optional<UtcTime> from;
  std::optional<UtcTime> to;
  std::optional<std::string> actor;
  std::optional<std::string> verb;
  std::optional<std::string> camera_id;
  std::optional<std::string> status;  // in_progress: not finished
  int limit = 50;
  std::string cursor;  // empty: the first page
};
struct AuditPage {
  std::vector<AuditEntry> entries;
  std::string next_cursor;  // empty: that was all
};

// CommandLog makes commands idempotent: an id is written once, before the broker gets its acknowledgement, and its
// final reply is kept with it for 7 days; until the broker has taken that reply, it is sent again after a kill. The
// same rows are the audit of who asked what. Thread-safe.
//
// What is written with Durability::kill, commands that only ask, is in a journal first, and a row when told() is called
// next: entered one by one, their rows took half of the time in which they were answered. Nor is the journal waited
// for: such a command is known by its id from begin() on, and outlives a kill from keep() or finish() on. In between it
// is carried out; killed there, it is neither acknowledged nor answered, and comes again.
class CommandLog {
 public:
  static constexpr std::chrono::hours kKept{7 * 24};
  // Questions beyond this many commands are forgotten before that, the oldest first: asked again they do no harm, and
  // somebody who asks 20 a second must not fill the disk. Some 100 MB.
  static constexpr int64_t kMostRows = 200'000;

  // `journal` is a path beside the database; the file is made when it is not there. The database outlives the log.
  static Result<std::unique_ptr<CommandLog>> open(Database& database, std::filesystem::path journal);
  // As Database::reopen: the same folder, on a volume that was taken away and has returned.
  Status reopen();

  // Enters the command unless its id is there already; then gives the record that is.
  // A command that only asks needs no more than Durability::kill: after a power cut it may be answered once more. It is
  // to be followed by keep(), before the acknowledgement.
  Result<std::optional<CommandRecord>> begin(const CommandRecord& command,
                                             Durability durability = Durability::power_cut);
  // Nothing to do but for what was begun with Durability::kill. One that cannot be kept is forgotten.
  Status keep(const std::string& command_id);
  Result<std::optional<CommandRecord>> find(const std::string& command_id) const;
  Status finish(const std::string& command_id, const CommandOutcome& outcome,
                Durability durability = Durability::power_cut);
  // The broker has the replies to these. To be called every second or so, also with none: what the journal holds
  // becomes rows.
  Status told(const std::vector<std::string>& command_ids);
  // Commands that were begun and not finished, oldest first: at start, those that a kill interrupted.
  Result<std::vector<CommandRecord>> unfinished();
  // Those that were finished, and whose reply the broker perhaps does not have.
  Result<std::vector<CommandRecord>> untold();
  // At most kMostLookedAt commands are looked at for a page, which may so hold few or none though there are more.
  // invalid_argument for a cursor that is not of ours.
  static constexpr int kMostLookedAt = 5000;
  Result<AuditPage> audit(const AuditQuery& query);
  // The clock was set by so much: what was received between these instants of the old one is dated anew, so that it is
  // neither forgotten too early nor kept too long.
  Status redate(UtcTime from, UtcTime to, microseconds by);
  // Removes what is older than kKept, and questions that are too many, at most kMostExpired at once; the number
  // removed.
  static constexpr int kMostExpired = 500;
  Result<int> expire(UtcTime now, int64_t most_rows = kMostRows);

 private:
  CommandLog(Database& database, std::filesystem::path journal);
  Status load_ids();
  Result<std::optional<CommandRecord>> begin_in_journal(const CommandRecord& command);
  Result<std::optional<CommandRecord>> begin_row(const CommandRecord& command);
  Result<std::optional<CommandRecord>> find_row(const std::string& command_id) const;
  Status finish_row(const std::string& command_id, const CommandOutcome& outcome, Durability durability);
  Status make_rows(const std::vector<std::string>& told_ids);
  Result<std::vector<CommandRecord>> select(std::string_view sql);

  Database& database_;
  mutable std::mutex mutex_;  // may be held while the database is waited for, never the other way round; guards:
  CommandJournal journal_;
  // Of all ids in the log, and perhaps of some that were. What is not among them need not be looked for in the
  // database, which takes longer than all else that is done for a question. 8 MB at kMostRows.
  std::unordered_set<size_t> hashes_;
};

}  // namespace vedette
