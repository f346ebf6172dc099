#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/result.h"

namespace vedette {

// FolderIdentity tells whether a folder is the one that took objects before. Where a network folder is not mounted, its
// mount point is an ordinary folder of the local disk: what is put there looks delivered, and may be deleted here.
//
// A file in the folder (kMarker) holds its id, and a file of ours remembers that. A folder that is used for the first
// time is given an id; after that it is refused without it. Used by one thread.
class FolderIdentity {
 public:
  static constexpr const char* kMarker = ".vedette-folder";

  // `memory`: the file of ours; empty: nothing is remembered, and any folder will do.
  FolderIdentity(std::filesystem::path folder, std::filesystem::path memory);

  // Whether the folder was used before.
  bool is_known() const { return known_id_.has_value(); }
  // camera_unavailable: it is not there, or is another one.
  Status check();

 private:
  Status get_to_know();

  const std::filesystem::path folder_;
  const std::filesystem::path memory_;
  std::optional<std::string> known_id_;
};

}  // namespace vedette
