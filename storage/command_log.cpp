#include "storage/command_log.h"

#include <algorithm>

#include "storage/columns.h"
#include "storage/page_cursor.h"

namespace vedette {

namespace {

constexpr char kOrder = 'a';  // of the pages of the audit, in their cursors

constexpr std::string_view kInsert =
    "INSERT INTO command(command_id, verb, actor, reply_topic, correlation, received_us, reply, camera_id, only_asks, "
    "told) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0) ON CONFLICT(command_id) DO NOTHING";
constexpr std::string_view kSelectOne =
    "SELECT command_id, verb, actor, reply_topic, correlation, received_us, reply, camera_id, only_asks FROM command "
    "WHERE command_id = ?1";
constexpr std::string_view kSelectUnfinished =
    "SELECT command_id, verb, actor, reply_topic, correlation, received_us, reply, camera_id, only_asks FROM command "
    "WHERE reply = '' ORDER BY received_us, command_id";
constexpr std::string_view kSelectUntold =
    "SELECT command_id, verb, actor, reply_topic, correlation, received_us, reply, camera_id, only_asks FROM command "
    "WHERE told = 0 AND reply <> '' ORDER BY received_us, command_id";
constexpr std::string_view kSelectAudit =
    "SELECT command_id, verb, actor, camera_id, received_us, status, code, message, took_ms FROM command "
    "WHERE (received_us, command_id) < (?1, ?2) AND received_us >= ?3 AND received_us < ?4 "
    "ORDER BY received_us DESC, command_id DESC LIMIT ?5";

CommandRecord read(const Database::Statement& row) {
  return {row.text(0), row.text(1), row.text(2),        row.text(3), row.text(4), from_us(row.integer(5)),
          row.text(6), row.text(7), row.integer(8) != 0};
}

AuditEntry read_entry(const Database::Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3),   from_us(row.integer(4)),
          row.text(5), row.text(6), row.text(7), row.integer(8)};
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

CommandLog::CommandLog(Database& database) : database_(database) {}

Result<std::optional<CommandRecord>> CommandLog::begin(const CommandRecord& command, Durability durability) {
  std::optional<CommandRecord> known;
  const auto status = database_.write(
      [&](Database::Access& db) -> Status {
        auto insert = db.prepare(kInsert);
        insert.bind(1, command.command_id).bind(2, command.verb).bind(3, command.actor).bind(4, command.reply_topic);
        insert.bind_bytes(5, command.correlation).bind(6, to_us(command.received_at)).bind(7, command.reply);
        insert.bind(8, command.camera_id).bind(9, int64_t{command.only_asks});
        if (auto done = insert.run(); !done) return done;
        if (db.changes() > 0) return {};
        auto row = db.prepare(kSelectOne).bind(1, command.command_id);
        if (row.step()) known = read(row);
        return row.status();
      },
      durability);
  if (!status) return status.error_as_is();
  return known;
}

Result<std::optional<CommandRecord>> CommandLog::find(const std::string& command_id) const {
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
  return database_.write(
      [&](Database::Access& db) -> Status {
        auto update = db.prepare(
            "UPDATE command SET reply = ?2, status = ?3, code = ?4, message = ?5, took_ms = ?6 WHERE command_id = ?1");
        update.bind(1, command_id).bind(2, outcome.reply).bind(3, outcome.status).bind(4, outcome.code);
        auto done = update.bind(5, outcome.message).bind(6, outcome.took_ms).run();
        if (done && db.changes() == 0) return fail(Code::not_found, "command " + command_id + " is not in the log");
        return done;
      },
      durability);
}

// After a power cut a reply may go out once more: that is not worth waiting for the disk.
Status CommandLog::told(const std::vector<std::string>& command_ids) {
  return database_.write(
      [&](Database::Access& db) -> Status {
        for (const std::string& id : command_ids)
          if (auto done = db.prepare("UPDATE command SET told = 1 WHERE command_id = ?1").bind(1, id).run(); !done)
            return done;
        return {};
      },
      Durability::kill);
}

Result<std::vector<CommandRecord>> CommandLog::unfinished() const {
  return select(kSelectUnfinished);
}

Result<std::vector<CommandRecord>> CommandLog::untold() const {
  return select(kSelectUntold);
}

Result<AuditPage> CommandLog::audit(const AuditQuery& query) const {
  Place before{INT64_MAX, {}};
  if (!query.cursor.empty()) {
    auto parsed = parse_cursor(kOrder, query.cursor);
    if (!parsed) return parsed.error_as_is();
    before = std::move(*parsed);
  }
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

Result<std::vector<CommandRecord>> CommandLog::select(std::string_view sql) const {
  std::vector<CommandRecord> commands;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(sql);
    while (row.step()) commands.push_back(read(row));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return commands;
}

Result<int> CommandLog::expire(UtcTime now, int64_t most_rows) {
  int removed = 0;
  const auto status = database_.write([&](Database::Access& db) -> Status {
    auto old = db.prepare(
        "DELETE FROM command WHERE command_id IN (SELECT command_id FROM command WHERE received_us < ?1 LIMIT ?2)");
    if (auto done = old.bind(1, to_us(now - kKept)).bind(2, int64_t{kMostExpired}).run(); !done) return done;
    removed = db.changes();
    if (removed > 0) return {};
    auto count = db.prepare("SELECT count(*) FROM command");
    if (!count.step()) return count.status();
    const int64_t too_many = std::min<int64_t>(count.integer(0) - most_rows, kMostExpired);
    if (too_many <= 0) return {};
    auto questions = db.prepare(
        "DELETE FROM command WHERE command_id IN (SELECT command_id FROM command WHERE only_asks = 1 AND reply <> '' "
        "ORDER BY received_us LIMIT ?1)");
    auto done = questions.bind(1, too_many).run();
    removed = db.changes();
    return done;
  });
  if (!status) return status.error_as_is();
  return removed;
}

}  // namespace vedette
