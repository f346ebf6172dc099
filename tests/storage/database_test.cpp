#include "storage/database.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "core/ids.h"
#include "storage/schema.h"
#include "tests/storage/store.h"
#include "tests/support/process.h"

namespace vedette::test {
namespace {

// What is in the file, seen by a connection of its own.
std::string query(const std::filesystem::path& path, const std::string& sql) {
  sqlite3* db = nullptr;
  std::string value = "(none)";
  sqlite3_open(path.c_str(), &db);
  const auto take = [](void* out, int, char** values, char**) {
    *static_cast<std::string*>(out) = values[0] ? values[0] : "";
    return 0;
  };
  sqlite3_exec(db, sql.c_str(), take, &value, nullptr);
  sqlite3_close(db);
  return value;
}

Status insert(Database::Access& db, const std::string& id) {
  return db.prepare("INSERT INTO recording(recording_id, camera_id, begun_us) VALUES(?1, 'c', 0)").bind(1, id).run();
}

TEST(DatabaseTest, ANewOneHasTheNewestSchema) {
  const TempDir dir;
  const auto path = dir.path() / "vedette.db";
  ASSERT_TRUE(Database::open(path).has_value());
  EXPECT_EQ(query(path, "PRAGMA user_version"), std::to_string(schema_version()));
  EXPECT_EQ(query(path, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(query(path, "PRAGMA integrity_check"), "ok");
}

TEST(DatabaseTest, MigrationsAreNumberedWithoutHoles) {
  int expected = 1;
  for (const Migration& migration : migrations()) EXPECT_EQ(migration.version, expected++);
}

TEST(DatabaseTest, EveryTableAndColumnIsDocumented) {
  for (const Migration& migration : migrations()) {
    const std::string sql = migration.sql;
    for (size_t at = sql.find("CREATE TABLE"); at != std::string::npos; at = sql.find("CREATE TABLE", at + 1)) {
      const size_t line_before = sql.rfind('\n', at - 2) + 1;
      EXPECT_EQ(sql.substr(line_before, 2), "--") << sql.substr(at, 40);
    }
  }
}

TEST(DatabaseTest, CommitsAreSyncedAndForeignKeysHold) {
  Store store;
  EXPECT_EQ(store.number("PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(store.number("PRAGMA foreign_keys"), 1);
}

TEST(DatabaseTest, AFailedTransactionLeavesNothing) {
  Store store;
  const auto status = store.database->write([](Database::Access& db) -> Status {
    if (auto inserted = insert(db, "a"); !inserted) return inserted;
    return fail(Code::cancelled, "no");
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::cancelled);
  EXPECT_EQ(store.number("SELECT count(*) FROM recording"), 0);
}

TEST(DatabaseTest, CountsWhatIsCommittedAndTimesEachWrite) {
  const TempDir dir;
  const auto database = Database::open(dir.path() / "vedette.db");
  ASSERT_TRUE(database.has_value());
  Database& db = **database;
  EXPECT_EQ(db.rows_changed(), 0);
  EXPECT_EQ(db.write_time().totals().count, 0u);
  ASSERT_TRUE(db.write([](Database::Access& access) {
    auto first = insert(access, "a");
    return first ? insert(access, "b") : first;
  }));
  EXPECT_EQ(db.rows_changed(), 2);
  EXPECT_FALSE(db.write([](Database::Access& access) {
    auto first = insert(access, "c");
    return first ? insert(access, "a") : first;  // rolls back
  }));
  EXPECT_EQ(db.rows_changed(), 2);
  ASSERT_TRUE(db.write([](Database::Access& access) { return access.prepare("DELETE FROM recording").run(); }));
  EXPECT_EQ(db.rows_changed(), 4);
  EXPECT_EQ(db.write_time().totals().count, 3u);
  EXPECT_GT(db.write_time().totals().sum, microseconds(0));
}

TEST(DatabaseTest, ADuplicateKeyIsAlreadyExists) {
  Store store;
  const auto add = [&] { return store.database->write([](Database::Access& db) { return insert(db, "a"); }); };
  ASSERT_TRUE(add());
  const auto again = add();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::already_exists);
  EXPECT_EQ(store.number("SELECT count(*) FROM recording"), 1);
}

TEST(DatabaseTest, AStatementThatDoesNotCompileIsAnErrorAndNoCrash) {
  Store store;
  const auto status = store.database->read([](Database::Access& db) {
    auto row = db.prepare("SELECT nonsense FROM nowhere").bind(1, "x");
    EXPECT_FALSE(row.step());
    return row.status();
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::internal);
}

TEST(DatabaseTest, BytesAndTextWithNulComeBackAsTheyWere) {
  Store store;
  const std::string bytes("\0\xff\x01 a\0", 6);
  const auto status = store.database->read([&](Database::Access& db) {
    auto row = db.prepare("SELECT ?1, ?2, ?3");
    row.bind_bytes(1, bytes).bind(2, std::string_view()).bind_null(3);
    EXPECT_TRUE(row.step());
    EXPECT_EQ(row.text(0), bytes);
    EXPECT_FALSE(row.is_null(1));
    EXPECT_EQ(row.text(1), "");
    EXPECT_TRUE(row.is_null(2));
    return row.status();
  });
  EXPECT_TRUE(status);
}

TEST(DatabaseTest, ANewerSchemaIsAConflict) {
  const TempDir dir;
  const auto path = dir.path() / "vedette.db";
  query(path, "PRAGMA user_version=9999");
  const auto opened = Database::open(path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::conflict);
  EXPECT_NE(opened.error().message.find("9999"), std::string::npos) << opened.error().message;
  EXPECT_EQ(query(path, "PRAGMA user_version"), "9999");
}

TEST(DatabaseTest, EventsOfBeforeGetTheirClassAndAreCounted) {
  const TempDir dir;
  const auto path = dir.path() / "vedette.db";
  for (const Migration& migration : migrations())
    if (migration.version <= 14) query(path, migration.sql);
  query(path, "PRAGMA user_version=14");
  for (const char* type : {"clip.ready", "camera.up", "clip.deleted"})
    query(path, "INSERT INTO outbox(id, at_us, type, camera_id, command_id, traceparent, data) VALUES('i', 5, '" +
                    std::string(type) + "', '', '', '', '{\"\u00e4\":1}')");
  query(path, "INSERT INTO figure VALUES('outbox_dropped', 7)");
  ASSERT_TRUE(Database::open(path).has_value());
  EXPECT_EQ(query(path, "SELECT class FROM outbox WHERE type = 'camera.up'"), "notice");
  EXPECT_EQ(query(path, "SELECT bytes FROM outbox WHERE type = 'camera.up'"), "18");
  EXPECT_EQ(query(path, "SELECT rows || ' ' || bytes || ' ' || dropped FROM outbox_class WHERE class = 'record'"),
            "2 " + std::to_string(1 + 10 + 8 + 1 + 12 + 8) + " 7");
  EXPECT_EQ(query(path, "SELECT rows FROM outbox_class WHERE class = 'notice'"), "1");
}

TEST(DatabaseTest, AFileThatIsNoDatabaseIsNamedAndLeftAlone) {
  const TempDir dir;
  const auto path = dir.path() / "vedette.db";
  write_text(path, std::string(8192, 'x'));
  const auto opened = Database::open(path);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::invalid_argument);
  EXPECT_NE(opened.error().message.find(path.string()), std::string::npos) << opened.error().message;
  EXPECT_NE(opened.error().message.find("damaged"), std::string::npos) << opened.error().message;
  EXPECT_EQ(read_text(path), std::string(8192, 'x'));
}

// As a kill leaves it: the log is not merged. Then pages are looked at, not only the header.
TEST(DatabaseTest, DamageInsideIsFoundAfterAKill) {
  Store store;
  const auto copy = store.dir.path() / "copy.db";
  ASSERT_TRUE(store.database->write([](Database::Access& db) {
    Status status;
    for (int i = 0; status && i < 5000; ++i) status = insert(db, new_id());
    return status;
  }));
  query(store.layout.database(), "PRAGMA wal_checkpoint(TRUNCATE)");
  ASSERT_TRUE(store.database->write([](Database::Access& db) { return insert(db, "in the log"); }));
  std::filesystem::copy_file(store.layout.database(), copy);
  std::filesystem::copy_file(store.layout.database().string() + "-wal", copy.string() + "-wal");
  ASSERT_TRUE(Database::open(copy).has_value());

  std::filesystem::copy_file(store.layout.database().string() + "-wal", copy.string() + "-wal",
                             std::filesystem::copy_options::overwrite_existing);
  std::string bytes = read_text(copy);
  const size_t page = 4096;
  ASSERT_GT(bytes.size(), 30 * page);
  bytes.replace(20 * page, 10 * page, std::string(10 * page, '\x5a'));
  write_text(copy, bytes);
  const auto opened = Database::open(copy);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("damaged"), std::string::npos) << opened.error().message;
}

TEST(DatabaseTest, AFolderThatIsNotThereIsForbiddenAndNamed) {
  const auto opened = Database::open("/nonexistent/folder/vedette.db");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::forbidden);
  EXPECT_NE(opened.error().message.find("/nonexistent/folder/vedette.db"), std::string::npos);
}

TEST(DatabaseTest, AFullDiskIsNoSpaceAndPasses) {
  Store store;
  EXPECT_GT(store.number("PRAGMA max_page_count=60"), 0);
  const auto status = store.database->write([](Database::Access& db) {
    Status inserted;
    for (int i = 0; inserted && i < 100'000; ++i) inserted = insert(db, new_id());
    return inserted;
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::no_space);
  EXPECT_GT(store.number("PRAGMA max_page_count=100000"), 0);
  EXPECT_TRUE(store.database->write([](Database::Access& db) { return insert(db, "again"); }));
}

TEST(DatabaseTest, GoesOverToTheCatalogOfAVolumeThatHasReturned) {
  const TempDir dir;
  const auto path = dir.path() / "disk" / "vedette.db";
  std::filesystem::create_directories(path.parent_path());
  auto database = Database::open(path).value();
  const auto set = [&](int64_t value) {
    return database->write([&](Database::Access& db) {
      return db.prepare("INSERT OR REPLACE INTO figure(name, value) VALUES('x', ?1)").bind(1, value).run();
    });
  };
  const auto get = [&] {
    int64_t value = 0;
    EXPECT_TRUE(database->read([&](Database::Access& db) {
      auto row = db.prepare("SELECT value FROM figure WHERE name='x'");
      if (row.step()) value = row.integer(0);
      return row.status();
    }));
    return value;
  };
  ASSERT_TRUE(set(1));
  std::filesystem::copy(path.parent_path(), dir.path() / "returned");
  ASSERT_TRUE(set(2));  // on what is gone
  std::filesystem::rename(path.parent_path(), dir.path() / "gone");
  EXPECT_EQ(database->reopen(path).error().code, Code::not_found);
  EXPECT_EQ(get(), 2) << "it stays where it was";
  std::filesystem::rename(dir.path() / "returned", path.parent_path());
  ASSERT_TRUE(database->reopen(path));
  EXPECT_EQ(get(), 1);
  EXPECT_TRUE(set(3));
  EXPECT_TRUE(std::filesystem::exists(dir.path() / "gone" / "vedette.db-wal"));
}

// Closing removes the log by its path, and something else may be there by then.
TEST(DatabaseTest, LeavesTheLogWhenToldTo) {
  const TempDir dir;
  const auto path = dir.path() / "vedette.db";
  auto database = Database::open(path).value();
  ASSERT_TRUE(database->probe());
  EXPECT_FALSE(database->fault());
  database->leave_log();
  database.reset();
  EXPECT_TRUE(std::filesystem::exists(path.string() + "-wal"));
  EXPECT_TRUE(Database::open(path));
}

}  // namespace
}  // namespace vedette::test
