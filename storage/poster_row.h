#pragma once

// Inside storage/ only: what the catalog keeps of the pictures beside clips.
#include <string>

#include "core/clock.h"
#include "storage/database.h"

namespace vedette::poster_row {

// So long a clip's upload waits for its poster, so that the store gets it first: long enough for several that are made
// on a weak machine. Less than what a clock that was set back makes the queue wait at most (upload_queue.cpp).
inline constexpr seconds kLongestWait{30};

// A clip whose upload row was just added is to get one. One that has it, or cannot get it, is left alone.
Status want(Database::Access& db, const std::string& clip_id, UtcTime now);

}  // namespace vedette::poster_row
