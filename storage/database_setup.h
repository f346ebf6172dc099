#pragma once

// Inside storage/ only: brings a connection to the catalog into the state in which Database uses it.
#include <sqlite3.h>

#include <filesystem>
#include <memory>

#include "core/result.h"

namespace vedette {

struct CloseDatabase {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using ConnectionPtr = std::unique_ptr<sqlite3, CloseDatabase>;

namespace database_setup {

// Statements that give nothing back.
Status execute(sqlite3* db, const char* sql);

// Its settings, its pages if they are to be looked at, and its schema.
Status prepare(sqlite3* db, const std::filesystem::path& path, bool look_at_every_page);

}  // namespace database_setup
}  // namespace vedette
