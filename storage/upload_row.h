#pragma once

// Inside storage/ only: uploads as rows.
#include <string_view>

#include "storage/catalog.h"
#include "storage/database.h"

namespace vedette::upload_row {

// The columns of `upload` that read() takes.
extern const std::string_view kColumns;

Upload read(const Database::Statement& row);
// Adds the row as pending; gives its number.
Result<int64_t> insert(Database::Access& db, const Upload& upload);

}  // namespace vedette::upload_row
