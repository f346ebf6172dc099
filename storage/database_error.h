#pragma once

#include <string_view>

#include "core/result.h"

struct sqlite3;

// What went wrong in SQLite, in our codes.
namespace vedette::database_error {

// How the message about a damaged file begins.
inline constexpr std::string_view kDamaged = "the catalog is damaged: ";

bool is_damage(const Error& error);

// Of the last call of this connection, which has failed.
tl::unexpected<Error> last(sqlite3* db);

}  // namespace vedette::database_error
