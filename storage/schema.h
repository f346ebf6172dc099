#pragma once

#include <span>

namespace vedette {

// One step from a schema version to the next: SQL that is run in a transaction of its own, which also sets
// user_version to `version`.
struct Migration {
  int version;
  const char* sql;
};

// All steps, oldest first; versions count 1, 2, 3... A step that was once released is never changed: what comes later
// is another step.
std::span<const Migration> migrations();

// What this program writes and reads: the version of the last step.
int schema_version();

}  // namespace vedette
