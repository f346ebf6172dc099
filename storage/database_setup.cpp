#include "storage/database_setup.h"

#include <string>

#include "core/text.h"
#include "core/thread.h"
#include "storage/database_error.h"
#include "storage/schema.h"

namespace vedette::database_setup {

namespace {

// How long a statement waits for another process that holds the file, a person's sqlite3 say.
constexpr int kBusyTimeoutMs = 5000;

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

Result<std::string> first_value(sqlite3* db, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  const int prepared = sqlite3_prepare_v2(db, sql, -1, &raw, nullptr);
  const std::unique_ptr<sqlite3_stmt, FinalizeStatement> statement(raw);
  if (prepared != SQLITE_OK) return database_error::last(db);
  const int stepped = sqlite3_step(raw);
  if (stepped == SQLITE_DONE) return std::string();
  if (stepped != SQLITE_ROW) return database_error::last(db);
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(raw, 0));
  return std::string(text ? text : "");
}

Status configure(sqlite3* db) {
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  const auto mode = first_value(db, "PRAGMA journal_mode=WAL");
  if (!mode) return mode.error_as_is();
  if (*mode != "wal") return fail(Code::unsupported, "the file system cannot hold a write-ahead log");
  return execute(db, "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;");
}

Status check_table(sqlite3* db, const std::string& table) {
  const auto verdict = first_value(db, ("PRAGMA quick_check('" + table + "')").c_str());
  if (!verdict) return verdict.error_as_is();
  if (*verdict != "ok") return fail(Code::internal, std::string(database_error::kDamaged) + *verdict);
  return {};
}

Status check_all_tables_but(const std::string& left_out, sqlite3* db) {
  const auto tables = first_value(db, "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table'");
  if (!tables) return tables.error_as_is();
  if (auto status = check_table(db, "sqlite_schema"); !status) return status;  // and the free pages
  for (const std::string_view table : split(*tables, ','))
    if (table != left_out)
      if (auto status = check_table(db, std::string(table)); !status) return status;
  return {};
}

// Reads every page: only worth its time where damage was seen, or the file was not closed. The clips take two thirds
// of it, and so get a thread and a connection of their own: 0.9 s for a million of them instead of 1.3.
Status check(sqlite3* db, const std::filesystem::path& path) {
  constexpr const char* kLargest = "clip";
  if (const auto there = first_value(db, "SELECT 1 FROM sqlite_schema WHERE name = 'clip'"); !there || there->empty())
    return check_all_tables_but("", db);
  sqlite3* raw = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
  const ConnectionPtr other(raw);
  if (opened != SQLITE_OK) return database_error::last(raw);
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  Status largest;
  const auto rest = [&] {
    const auto thread = start_thread("check", [&](const std::stop_token&) { largest = check_table(raw, kLargest); });
    return check_all_tables_but(kLargest, db);
  }();
  return rest ? largest : rest;
}

Status apply(sqlite3* db, const Migration& migration) {
  const std::string sql = "BEGIN IMMEDIATE;" + std::string(migration.sql) +
                          "PRAGMA user_version=" + std::to_string(migration.version) + "; COMMIT;";
  auto status = execute(db, sql.c_str());
  if (!status && !sqlite3_get_autocommit(db)) sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
  return std::move(status).with("migration " + std::to_string(migration.version));
}

Status migrate(sqlite3* db) {
  const auto version_text = first_value(db, "PRAGMA user_version");
  if (!version_text) return version_text.error_as_is();
  const int version = std::atoi(version_text->c_str());
  if (version > schema_version())
    return fail(Code::conflict, "the catalog has version " + *version_text + ", this program knows versions up to " +
                                    std::to_string(schema_version()) + ": it was used by a newer vedette");
  for (const Migration& migration : migrations()) {
    if (migration.version <= version) continue;
    if (auto status = apply(db, migration); !status) return status;
  }
  return {};
}

}  // namespace

Status execute(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return database_error::last(db);
  return {};
}

Status prepare(sqlite3* db, const std::filesystem::path& path, bool look_at_every_page) {
  if (auto status = configure(db); !status) return status;
  if (look_at_every_page)
    if (auto status = check(db, path); !status) return status;
  return migrate(db);
}

}  // namespace vedette::database_setup
