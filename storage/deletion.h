#pragma once

#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace vedette {

// Why clips are to go, and what else may go with them.
struct DeletionOrder {
  std::string reason;           // of clip.deleted
  std::string loss_reason;      // in the ledger, for those that the store was to have and has not
  bool even_protected = false;  // without these, such clips are refused
  bool even_not_uploaded = false;
  std::string command_id;   // of the command that asked for it, or empty
  std::string traceparent;  // of the same
};

// A clip whose row is `deleting`: nobody gets it any more, and what is left of it goes, after a kill as well.
struct Deletion {
  std::string clip_id;
  std::string recording_id;
  std::string camera_id;
  std::string path;  // relative to the storage folder
  UtcTime start;
  UtcTime end;
  int64_t size_bytes = 0;
  std::string reason;
  std::string loss_reason;  // empty: nothing is lost with it
  std::string command_id;
  std::string traceparent;
};

// A clip that was not deleted: not_found, conflict (protected, not uploaded, still recording), or what the disk says.
struct DeletionRefused {
  std::string clip_id;
  Error error;
};

struct DeletionsBegun {
  std::vector<Deletion> begun;
  std::vector<DeletionRefused> refused;
};

}  // namespace vedette
