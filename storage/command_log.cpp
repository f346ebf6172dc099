#include "storage/command_log.h"

#include "storage/columns.h"

namespace vedette {

namespace {

constexpr std::string_view kInsert =
    "INSERT INTO command(command_id, verb, actor, reply_topic, correlation, received_us, reply) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(command_id) DO NOTHING";
constexpr std::string_view kSelectOne =
    "SELECT command_id, verb, actor, reply_topic, correlation, received_us, reply FROM command WHERE command_id = ?1";
constexpr std::string_view kSelectUnfinished =
    "SELECT command_id, verb, actor, reply_topic, correlation, received_us, reply FROM command WHERE reply = '' "
    "ORDER BY received_us, command_id";

CommandRecord read(const Database::Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), from_us(row.integer(5)), row.text(6)};
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

Status CommandLog::finish(const std::string& command_id, const std::string& reply, Durability durability) {
  return database_.write(
      [&](Database::Access& db) -> Status {
        auto done =
            db.prepare("UPDATE command SET reply = ?2 WHERE command_id = ?1").bind(1, command_id).bind(2, reply).run();
        if (done && db.changes() == 0) return fail(Code::not_found, "command " + command_id + " is not in the log");
        return done;
      },
      durability);
}

Result<std::vector<CommandRecord>> CommandLog::unfinished() const {
  std::vector<CommandRecord> commands;
  const auto status = database_.read([&](Database::Access& db) {
    auto row = db.prepare(kSelectUnfinished);
    while (row.step()) commands.push_back(read(row));
    return row.status();
  });
  if (!status) return status.error_as_is();
  return commands;
}

Result<int> CommandLog::expire(UtcTime now) {
  int removed = 0;
  const auto status = database_.write([&](Database::Access& db) {
    auto done = db.prepare("DELETE FROM command WHERE received_us < ?1").bind(1, to_us(now - kKept)).run();
    removed = db.changes();
    return done;
  });
  if (!status) return status.error_as_is();
  return removed;
}

}  // namespace vedette
