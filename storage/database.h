#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/histogram.h"
#include "core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace vedette {

// What a commit outlives. `kill`: the process, but perhaps not a power cut (nothing is waited for); for what may be
// done again without harm. `power_cut`: both (fsync).
enum class Durability { kill, power_cut };

// Database is the one connection to vedette.db (SQLite, WAL, synchronous=FULL) with its schema brought up to date by
// numbered migrations (storage/schema.cpp, which is also the documentation of every table). All threads share it: each
// piece of work holds the lock for the time of its statements and, in write(), of one transaction.
class Database {
 public:
  // Opens or creates. conflict when the file was made by a newer version of this program, invalid_argument when it is
  // damaged: in both cases the catalog can be made again from the clips (storage/reindex.h).
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path);
  ~Database();

  // Goes over to the file of that path, which is the same catalog on a volume that was taken away and has returned. On
  // an error the old one stays. Not while a statement is in use by the caller.
  Status reopen(const std::filesystem::path& path);
  // From here on closing leaves the write-ahead log as it is, instead of removing it by its path, where something else
  // may be by now.
  void leave_log();

  // Why the last write() could not be done, if the disk is to blame; timed_out: it was done, but took longer than a
  // second. It is cleared by the next one: probe() is one that changes nothing.
  std::optional<Error> fault() const;
  Status probe();

  // Whether SQLite has found it damaged since it was opened; what is read of a volume that was taken away looks so,
  // too.
  bool is_damaged() const;
  // Leaves a file beside it that makes the next open() look at every page, which fails, so that the catalog is made
  // again.
  void mark_damaged() const;
  static std::filesystem::path damage_mark(const std::filesystem::path& path);

  // Rows that were inserted, changed or deleted by what was committed, and how long each write() took from when it had
  // the lock; since it was opened.
  int64_t rows_changed() const;
  const Histogram& write_time() const;

  class Statement;

  // A prepared statement, from the cache after its first use. Only inside read() and write(), which must not be called
  // again in there; the same text must not be in use twice at once.
  class Access {
   public:
    Statement prepare(std::string_view sql);
    // How many rows the last statement changed.
    int changes() const;

   private:
    friend class Database;
    explicit Access(Database& database) : database_(database) {}
    Database& database_;
  };

  // Runs `work` under the lock; several statements see one state.
  Status read(const std::function<Status(Access&)>& work);
  // Runs `work` in one transaction (BEGIN IMMEDIATE): committed, fsync included, when Ok comes back, else rolled back.
  Status write(const std::function<Status(Access&)>& work, Durability durability = Durability::power_cut);

 private:
  struct Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  Status transact(const std::function<Status(Access&)>& work);
  std::unique_ptr<Impl> impl_;
};

// Statement binds, steps and reads by position, and gives the statement back when it goes.
//
//   auto row = db.prepare("SELECT state FROM clip WHERE clip_id=?1").bind(1, id);
//   while (row.step()) use(row.text(0));
//   return row.status();
class Database::Statement {
 public:
  Statement(sqlite3* db, sqlite3_stmt* statement, std::string error);
  ~Statement();
  Statement(Statement&&) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::string_view value) &;
  Statement& bind(int index, int64_t value) &;
  Statement& bind(int index, double value) &;
  Statement& bind_bytes(int index, std::string_view value) &;
  Statement& bind_null(int index) &;
  Statement&& bind(int index, std::string_view value) &&;
  Statement&& bind(int index, int64_t value) &&;

  // True: a row is there. False: done, or failed (status()).
  bool step();
  // Steps to the end: for statements that give no rows.
  Status run();
  Status status() const;

  bool is_null(int column) const;
  int64_t integer(int column) const;
  std::string text(int column) const;

 private:
  sqlite3* db_;
  sqlite3_stmt* statement_;
  std::string error_;
  int last_;
};

}  // namespace vedette
