#include "storage/database.h"

#include <sqlite3.h>

#include <atomic>
#include <cassert>
#include <map>

#include "core/clock.h"
#include "core/file.h"
#include "storage/database_error.h"
#include "storage/database_setup.h"

namespace vedette {

namespace {

constexpr microseconds kSlow = 1s;

// Far above the number of texts in the program; what is composed for queries could go beyond it.
constexpr size_t kMostPrepared = 300;

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using StatementPtr = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// Rather than what was to be written.
bool is_about_the_disk(Code code) {
  return code == Code::no_space || code == Code::forbidden || code == Code::busy || code == Code::internal;
}

bool holds_bytes(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path, ignored);
  return !ignored && size > 0;
}

// What the operator should know and do, after what went wrong.
std::string advice(const Error& error) {
  if (error.code == Code::forbidden)
    return " (the folder and its files must be writable for the user that vedette runs as)";
  return {};
}

}  // namespace

struct Database::Impl {
  std::filesystem::path path;
  ConnectionPtr db;
  std::mutex mutex;                                           // guards the connection and:
  std::map<std::string, StatementPtr, std::less<>> prepared;  // by their text; goes before db
  Durability durability = Durability::power_cut;              // of the next commit
  bool log_stays = false;                                     // when it is closed

  std::atomic<int64_t> rows_changed{0};
  Histogram write_time;

  std::atomic<bool> damaged{false};

  std::mutex fault_mutex;  // not to be waited for while a commit is slow
  std::optional<Error> fault;

  void close();
  void note(const Status& written, microseconds took);
  void note_damage(const Status& done);
  Status set(Durability wanted);
};

// In WAL mode NORMAL leaves out the fsync of the commit; that of the next FULL one covers it.
Status Database::Impl::set(Durability wanted) {
  if (wanted == durability) return {};
  auto done = database_setup::execute(
      db.get(), wanted == Durability::kill ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL");
  if (done) durability = wanted;
  return done;
}

void Database::Impl::close() {
  prepared.clear();
  if (db && log_stays) sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  db.reset();
}

void Database::Impl::note(const Status& written, microseconds took) {
  const std::lock_guard lock(fault_mutex);
  fault.reset();
  if (!written && is_about_the_disk(written.error().code)) fault = written.error();
  if (written && took > kSlow)
    fault = Error{Code::timed_out, "catalog: its disk is slow: " + std::to_string(to_ms(took)) + " ms for a change"};
}

void Database::Impl::note_damage(const Status& done) {
  if (!done && database_error::is_damage(done.error())) damaged = true;
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() {
  if (impl_) impl_->close();
}

Status Database::reopen(const std::filesystem::path& path) {
  if (!holds_bytes(path)) return fail(Code::not_found, path.string() + ": no catalog there");
  auto other = open(path);
  if (!other) return other.error_as_is();
  const std::lock_guard lock(impl_->mutex);
  impl_->log_stays = true;
  impl_->close();
  impl_->db = std::move((*other)->impl_->db);
  impl_->path = path;
  impl_->damaged = false;
  impl_->durability = Durability::power_cut;
  impl_->log_stays = false;
  return {};
}

void Database::leave_log() {
  const std::lock_guard lock(impl_->mutex);
  impl_->log_stays = true;
}

std::optional<Error> Database::fault() const {
  const std::lock_guard lock(impl_->fault_mutex);
  return impl_->fault;
}

bool Database::is_damaged() const {
  return impl_->damaged;
}

void Database::mark_damaged() const {
  const std::lock_guard lock(impl_->mutex);
  static_cast<void>(file::create(damage_mark(impl_->path)));  // on a disk that takes nothing it is found again
}

std::filesystem::path Database::damage_mark(const std::filesystem::path& path) {
  return path.string() + "-damaged";
}

int64_t Database::rows_changed() const {
  return impl_->rows_changed;
}

const Histogram& Database::write_time() const {
  return impl_->write_time;
}

Status Database::probe() {
  return write(
      [](Access& db) { return db.prepare("INSERT OR REPLACE INTO figure(name, value) VALUES('probe', 0)").run(); });
}

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path) {
  const bool is_new = !holds_bytes(path);
  std::error_code ignored;
  const bool was_damaged = std::filesystem::exists(damage_mark(path), ignored);
  const bool was_left_open = holds_bytes(path.string() + "-wal");
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  // SQLite would let everybody read it; its log and all else it makes get the mode of this file. What is wrong with the
  // place, it finds itself.
  if (is_new) static_cast<void>(file::create(path));
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int opened = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  impl->db.reset(raw);
  if (!raw) return fail(Code::internal, path.string() + ": out of memory");
  Status status = opened == SQLITE_OK ? database_setup::prepare(raw, path, was_left_open || was_damaged)
                                      : Status(database_error::last(raw));
  if (status && is_new && path.has_parent_path()) status = file::sync_directory(path.parent_path());
  if (status && was_damaged) std::filesystem::remove(damage_mark(path), ignored);  // the disk was, for a moment
  if (!status) {
    return fail(database_error::is_damage(status.error()) ? Code::invalid_argument : status.error().code,
                path.string() + ": " + status.error().message + advice(status.error()));
  }
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Status Database::read(const std::function<Status(Access&)>& work) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->prepared.size() > kMostPrepared) impl_->prepared.clear();
  Access access(*this);
  auto done = work(access);
  impl_->note_damage(done);
  return done;
}

Status Database::write(const std::function<Status(Access&)>& work, Durability durability) {
  const std::lock_guard lock(impl_->mutex);
  const MonoTime begun = Clock::system().mono();
  const int64_t changed_before = sqlite3_total_changes64(impl_->db.get());
  auto done = impl_->set(durability);
  if (done) done = transact(work);
  if (done) impl_->rows_changed += sqlite3_total_changes64(impl_->db.get()) - changed_before;
  const microseconds took = Clock::system().mono() - begun;
  impl_->write_time.add(took);
  impl_->note(done, took);
  impl_->note_damage(done);
  return done;
}

// With the lock held.
Status Database::transact(const std::function<Status(Access&)>& work) {
  Access access(*this);
  if (auto begun = access.prepare("BEGIN IMMEDIATE").run(); !begun) return begun;
  Status done = work(access);
  if (done) {
    file::about_to("commit");
    done = access.prepare("COMMIT").run();
    file::about_to("go on after the commit");
  }
  // A full disk makes SQLite roll back by itself, sometimes.
  if (!done && !sqlite3_get_autocommit(impl_->db.get())) (void)access.prepare("ROLLBACK").run();
  return done;
}

Database::Statement Database::Access::prepare(std::string_view sql) {
  Impl& impl = *database_.impl_;
  auto it = impl.prepared.find(sql);
  if (it == impl.prepared.end()) {
    sqlite3_stmt* raw = nullptr;
    const int result = sqlite3_prepare_v3(impl.db.get(), sql.data(), static_cast<int>(sql.size()),
                                          SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    StatementPtr statement(raw);
    if (result != SQLITE_OK) return {impl.db.get(), nullptr, sqlite3_errmsg(impl.db.get())};
    it = impl.prepared.emplace(std::string(sql), std::move(statement)).first;
  }
  assert(!sqlite3_stmt_busy(it->second.get()) && "the same statement twice at once");
  return {impl.db.get(), it->second.get(), {}};
}

int Database::Access::changes() const {
  return sqlite3_changes(database_.impl_->db.get());
}

Database::Statement::Statement(sqlite3* db, sqlite3_stmt* statement, std::string error)
    : db_(db), statement_(statement), error_(std::move(error)), last_(statement ? SQLITE_OK : SQLITE_MISUSE) {}

Database::Statement::Statement(Statement&& other) noexcept
    : db_(other.db_),
      statement_(std::exchange(other.statement_, nullptr)),
      error_(std::move(other.error_)),
      last_(other.last_) {}

Database::Statement::~Statement() {
  if (!statement_) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Database::Statement& Database::Statement::bind(int index, std::string_view value) & {
  // Not a null pointer for an empty text: that would be NULL.
  const char* data = value.data() ? value.data() : "";
  if (last_ == SQLITE_OK)
    last_ = sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}
Database::Statement& Database::Statement::bind(int index, int64_t value) & {
  if (last_ == SQLITE_OK) last_ = sqlite3_bind_int64(statement_, index, value);
  return *this;
}
Database::Statement& Database::Statement::bind(int index, double value) & {
  if (last_ == SQLITE_OK) last_ = sqlite3_bind_double(statement_, index, value);
  return *this;
}
Database::Statement& Database::Statement::bind_bytes(int index, std::string_view value) & {
  const char* data = value.data() ? value.data() : "";
  if (last_ == SQLITE_OK) last_ = sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_TRANSIENT);
  return *this;
}
Database::Statement& Database::Statement::bind_null(int index) & {
  if (last_ == SQLITE_OK) last_ = sqlite3_bind_null(statement_, index);
  return *this;
}
Database::Statement&& Database::Statement::bind(int index, std::string_view value) && {
  bind(index, value);
  return std::move(*this);
}
Database::Statement&& Database::Statement::bind(int index, int64_t value) && {
  bind(index, value);
  return std::move(*this);
}

bool Database::Statement::step() {
  if (!status()) return false;
  last_ = sqlite3_step(statement_);
  return last_ == SQLITE_ROW;
}

Status Database::Statement::run() {
  while (step()) {
  }
  return status();
}

Status Database::Statement::status() const {
  if (!statement_) return fail(Code::internal, "catalog: " + (error_.empty() ? "no statement" : error_));
  if (last_ == SQLITE_OK || last_ == SQLITE_ROW || last_ == SQLITE_DONE) return {};
  return database_error::last(db_);
}

bool Database::Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
int64_t Database::Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
std::string Database::Statement::text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data ? std::string(static_cast<const char*>(data), static_cast<size_t>(size)) : std::string();
}

}  // namespace vedette
