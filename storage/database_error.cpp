#include "storage/database_error.h"

#include <sqlite3.h>

#include <cerrno>
#include <string>

namespace vedette::database_error {

namespace {

Code code_of(int extended, int system_error) {
  if (system_error == ENOSPC || system_error == EDQUOT) return Code::no_space;
  if (extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_UNIQUE) return Code::already_exists;
  switch (extended & 0xff) {  // the primary code
    case SQLITE_FULL:
      return Code::no_space;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::busy;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return Code::forbidden;
    default:
      return Code::internal;
  }
}

bool tells_of_damage(int code) {
  return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

}  // namespace

bool is_damage(const Error& error) {
  return error.message.find(kDamaged) != std::string::npos;
}

tl::unexpected<Error> last(sqlite3* db) {
  const int code = sqlite3_extended_errcode(db);
  // errno of the last failed system call: only to be asked after an error that comes from the system.
  const bool from_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
  const std::string prefix = std::string(tells_of_damage(code) ? kDamaged : "catalog: ");
  return fail(code_of(code, from_system ? sqlite3_system_errno(db) : 0), prefix + sqlite3_errmsg(db));
}

}  // namespace vedette::database_error
