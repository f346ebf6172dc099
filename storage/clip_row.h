#pragma once

// Inside storage/ only: clips as rows.
#include <string>
#include <string_view>

#include "storage/clip.h"
#include "storage/database.h"

namespace vedette::clip_row {

// The columns that read() takes, of `clip c` joined with the newest upload row of the clip as `u`.
extern const std::string_view kColumns;
// "LEFT JOIN upload u ON ..."
extern const std::string_view kJoinUpload;

Clip read(const Database::Statement& row);
// The column gaps.
std::vector<Gap> gaps_from(const std::string& text);
// "SELECT <columns> FROM clip c <join> <rest>"
std::string select(std::string_view rest);
Result<Clip> find(Database::Access& db, const std::string& clip_id);  // not_found

// Adds the row and its labels; already_exists when it is there.
Status insert(Database::Access& db, const Clip& clip);
// Adds it, or makes the row that is there equal to the clip. A protection given meanwhile stays.
Status insert_or_update(Database::Access& db, const Clip& clip);

}  // namespace vedette::clip_row
