#include "storage/command_log.h"

#include <algorithm>

#include "storage/columns.h"
#include "storage/page_cursor.h"

namespace vedette {

namespace {

constexpr char kOrder = 'a';  // of the pages of the audit, in their cursors

constexpr std::string_view kInsert =
    "INSERT INTO command(command_id, verb, actor, reply_topic, correlation, received_us, reply, camera_id, only_asks, "
    "traceparent, told) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0) ON CONFLICT(command_id) DO NOTHING";
constexpr std::string_view kSelectOne =
    "SELECT command_id, verb, actor, reply_topic, correlation, received_us, reply, camera_id, only_asks, "
    "traceparent FROM command "
    "WHERE command_id = ?1";
constexpr std::string_view kSelectUnfinished =
    "SELECT command_id, verb, actor, reply_topic, correlation, received_us, reply, camera_id, only_asks, "
    "traceparent FROM command "
    "WHERE reply = '' ORDER BY received_us, command_id";
constexpr std::string_view kSelectUntold =
    "SELECT command_id, verb, actor, reply_topic, correlation, received_us, reply, camera_id, only_asks, "
    "traceparent FROM command "
    "WHERE told = 0 AND reply <> '' ORDER BY received_us, command_id";
constexpr std::string_view kSelectAudit =
    "SELECT command_id, verb, actor, camera_id, received_us, status, code, message, took_ms FROM command "
    "WHERE (received_us, command_id) < (?1, ?2) AND received_us >= ?3 AND received_us < ?4 "
    "ORDER BY received_us DESC, command_id DESC LIMIT ?5";

CommandRecord read(const Database::Statement& row) {
  return {row.text(0), row.text(1), row.text(2),         row.text(3), row.text(4), from_us(row.integer(5)),
          row.text(6), row.text(7), row.integer(8) != 0, row.text(9)};
}

AuditEntry read_entry(const Database::Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3),   from_us(row.integer(4)),
          row.text(5), row.text(6), row.text(7), row.integer(8)};
}

size_t hash(const std::string& command_id) {
  return std::hash<std::string>()(command_id);
}

Status insert(Database::Access& db, const CommandRecord& command) {
  auto row = db.prepare(kInsert);
  row.bind(1, command.command_id).bind(2, command.verb).bind(3, command.actor).bind(4, command.reply_topic);
  row.bind_bytes(5, command.correlation).bind(6, to_us(command.received_at)).bind(7, command.reply);
  return row.bind(8, command.camera_id).bind(9, int64_t{command.only_asks}).bind(10, command.traceparent).run();
}

Status update(Database::Access& db, const std::string& command_id, const CommandOutcome& outcome) {
  auto row = db.prepare(
      "UPDATE command SET reply = ?2, status = ?3, code = ?4, message = ?5, took_ms = ?6 WHERE command_id = ?1");
  row.bind(1, command_id).bind(2, outcome.reply).bind(3, outcome.status).bind(4, outcome.code);
  return row.bind(5, outcome.message).bind(6, outcome.took_ms).run();
}

// Steps through a DELETE that gives the ids of what goes.
Status remove(Database::Statement removal, std::vector<size_t>& gone_hashes) {
  while (removal.step()) gone_hashes.push_back(hash(removal.text(0)));
  return removal.status();
}

// What a clock that was never set has dated is as old as its first look by one that was.
Status expire_old(Database::Access& db, UtcTime now, std::vector<size_t>& gone_hashes) {
  auto undated = db.prepare("UPDATE command SET received_us = ?1 WHERE received_us < ?2");
  if (auto dated = undated.bind(1, to_us(now)).bind(2, to_us(kClockWasSet)).run(); !dated) return dated;
  auto old = db.prepare(
      "DELETE FROM command WHERE command_id IN (SELECT command_id FROM command WHERE received_us < ?1 LIMIT ?2) "
      "RETURNING command_id");
  old.bind(1, to_us(now - CommandLog::kKept)).bind(2, int64_t{CommandLog::kMostExpired});
  return remove(std::move(old), gone_hashes);
}

bool matches(const AuditEntry& entry, const AuditQuery& query) {
  const auto is = [](const std::optional<std::string>& wanted, const std::string& value) {
    return !wanted || *wanted == value;
  };
  const std::string status = entry.status.empty() ? "in_progress" : entry.status;
  return is(query.actor, entry.actor) && is(query.verb, entry.verb) && is(query.camera_id, entry.camera_id) &&
         is(query.status, status);
}

}  // namespace

CommandLog::CommandLog(Database& database, std::filesystem::path journal)
    : database_(database), journal_(std::move(journal)) {}

Result<std::unique_ptr<CommandLog>> CommandLog::open(Database& database, std::filesystem::path journal) {
  std::unique_ptr<CommandLog> log(new CommandLog(database, std::move(journal)));
  if (auto opened = log->journal_.open(); !opened) return opened.error_as_is();
  if (auto loaded = log->load_ids(); !loaded) return loaded.error_as_is();
  return log;
}

Status CommandLog::reopen() {
  const std::lock_guard lock(mutex_);
  // What came meanwhile is in memory alone.
  auto opened = journal_.open();
  return opened ? make_rows({}) : opened;
}

Status CommandLog::load_ids() {
  for (const auto& entry : journal_.entries()) hashes_.insert(hash(entry.command.command_id));
  return database_.read([&](Database::Access& db) {
    auto row = db.prepare("SELECT command_id FROM command");
    while (row.step()) hashes_.insert(hash(row.text(0)));
    return row.status();
  });
}

Result<std::optional<CommandRecord>> CommandLog::begin(const CommandRecord& command, Durability durability) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto* entry = journal_.find(command.command_id)) return std::optional(entry->command);
    if (durability == Durability::kill) return begin_in_journal(command);
    hashes_.insert(hash(command.command_id));
  }
  return begin_row(command);
}

// With the lock held.
Result<std::optional<CommandRecord>> CommandLog::begin_in_journal(const CommandRecord& command) {
  const size_t hashed = hash(command.command_id);
  if (hashes_.count(hashed) > 0) {
    auto known = find_row(command.command_id);
    if (!known || *known) return known;
  }
  journal_.begin(command);
  hashes_.insert(hashed);
  return std::optional<CommandRecord>();
}

Status CommandLog::keep(const std::string& command_id) {
  const std::lock_guard lock(mutex_);
  auto kept = journal_.keep(command_id);
  if (!kept && kept.error().code == Code::busy) kept = make_rows({});
  if (!kept) journal_.forget(command_id);
  return kept;
}

Result<std::optional<CommandRecord>> CommandLog::begin_row(const CommandRecord& command) {
  std::optional<CommandRecord> known;
  const auto status = database_.write([&](Database::Access& db) -> Status {
    if (auto done = insert(db, command); !done) return done;
    if (db.changes() > 0) return {};
    auto row = db.prepare(kSelectOne).bind(1, command.command_id);
    if (row.step()) known = read(row);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return known;
}

Result<std::optional<CommandRecord>> CommandLog::find(const std::string& command_id) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto* entry = journal_.find(command_id)) return std::optional(entry->command);
    if (hashes_.count(hash(command_id)) == 0) return std::optional<CommandRecord>();
  }
  return find_row(command_id);
}

Result<std::optional<CommandRecord>> CommandLog::find_row(const std::string& command_id) const {
  std::optional<CommandRecord> known;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(kSelectOne).bind(1, command_id);
    if (row.step()) known = read(row);
    return row.status();
  });
  if (!status) return status.error_as_is();
  return known;
}

Status CommandLog::finish(const std::string& command_id, const CommandOutcome& outcome, Durability durability) {
  {
    const std::lock_guard lock(mutex_);
    if (journal_.find(command_id)) {
      auto written = journal_.finish(command_id, outcome);
      if (written || written.error().code != Code::busy) return written;
      if (auto made = make_rows({}); !made) return made;
    }
  }
  return finish_row(command_id, outcome, durability);
}

Status CommandLog::finish_row(const std::string& command_id, const CommandOutcome& outcome, Durability durability) {
  return database_.write(
      [&](Database::Access& db) -> Status {
        auto done = update(db, command_id, outcome);
        if (done && db.changes() == 0) return fail(Code::not_found, "command " + command_id + " is not in the log");
        return done;
      },
      durability);
}

Status CommandLog::told(const std::vector<std::string>& command_ids) {
  const std::lock_guard lock(mutex_);
  return make_rows(command_ids);
}

// Of what is in the journal; those that are told are so from now on. With the lock held. After a power cut a reply may
// go out once more: that is not worth waiting for the disk.
Status CommandLog::make_rows(const std::vector<std::string>& told_ids) {
  if (journal_.empty() && told_ids.empty()) return {};
  const auto made = database_.write(
      [&](Database::Access& db) -> Status {
        for (const CommandJournal::Entry& entry : journal_.entries()) {
          if (auto done = insert(db, entry.command); !done) return done;
          if (entry.command.reply.empty()) continue;
          if (auto done = update(db, entry.command.command_id, entry.outcome); !done) return done;
        }
        for (const std::string& id : told_ids)
          if (auto done = db.prepare("UPDATE command SET told = 1 WHERE command_id = ?1").bind(1, id).run(); !done)
            return done;
        return {};
      },
      Durability::kill);
  if (!made || journal_.empty()) return made;
  return journal_.clear();
}

Result<std::vector<CommandRecord>> CommandLog::unfinished() {
  return select(kSelectUnfinished);
}

Result<std::vector<CommandRecord>> CommandLog::untold() {
  return select(kSelectUntold);
}

Result<AuditPage> CommandLog::audit(const AuditQuery& query) {
  Place before{INT64_MAX, {}};
  if (!query.cursor.empty()) {
    auto parsed = parse_cursor(kOrder, query.cursor);
    if (!parsed) return parsed.error_as_is();
    before = std::move(*parsed);
  }
  static_cast<void>(told({}));  // on a full disk there is the audit without the newest questions
  AuditPage page;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(kSelectAudit);
    row.bind(1, before.at_us).bind(2, before.id).bind(3, query.from ? to_us(*query.from) : INT64_MIN);
    row.bind(4, query.to ? to_us(*query.to) : INT64_MAX).bind(5, int64_t{kMostLookedAt} + 1);
    Place last;
    for (int looked_at = 0; row.step(); ++looked_at) {
      if (looked_at == kMostLookedAt || page.entries.size() == static_cast<size_t>(query.limit)) {
        page.next_cursor = cursor_text(kOrder, last);
        break;
      }
      AuditEntry entry = read_entry(row);
      last = {to_us(entry.received_at), entry.command_id};
      if (matches(entry, query)) page.entries.push_back(std::move(entry));
    }
    return row.status();
  });
  if (!status) return status.error_as_is();
  return page;
}

Result<std::vector<CommandRecord>> CommandLog::select(std::string_view sql) {
  static_cast<void>(told({}));  // on a full disk: of the rows there are
  std::vector<CommandRecord> commands;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(sql);
    while (row.step()) commands.push_back(read(row));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return commands;
}

Status CommandLog::redate(UtcTime from, UtcTime to, microseconds by) {
  if (auto made = told({}); !made) return made;
  return database_.write([&](Database::Access& db) {
    auto rows = db.prepare("UPDATE command SET received_us = received_us + ?3 WHERE received_us BETWEEN ?1 AND ?2");
    return rows.bind(1, to_us(from)).bind(2, to_us(to)).bind(3, by.count()).run();
  });
}

Result<int> CommandLog::expire(UtcTime now, int64_t most_rows) {
  static_cast<void>(told({}));  // on a full disk what goes makes room for them
  std::vector<size_t> gone;
  const auto status = database_.write([&](Database::Access& db) -> Status {
    if (now >= kClockWasSet)
      if (auto done = expire_old(db, now, gone); !done || !gone.empty()) return done;
    auto count = db.prepare("SELECT count(*) FROM command");
    if (!count.step()) return count.status();
    const int64_t too_many = std::min<int64_t>(count.integer(0) - most_rows, kMostExpired);
    if (too_many <= 0) return {};
    auto questions = db.prepare(
        "DELETE FROM command WHERE command_id IN (SELECT command_id FROM command WHERE only_asks = 1 AND reply <> '' "
        "ORDER BY received_us LIMIT ?1) RETURNING command_id");
    questions.bind(1, too_many);
    return remove(std::move(questions), gone);
  });
  if (!status) return status.error_as_is();
  const std::lock_guard lock(mutex_);
  for (const size_t one : gone) hashes_.erase(one);
  return static_cast<int>(gone.size());
}

}  // namespace vedette
