#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <string>

#include "core/file.h"
#include "core/result.h"
#include "storage/layout.h"

namespace vedette {

// The storage folder as this process has it: its identity (volume.json, made at the first start with a fresh id), and
// the lock that keeps a second vedette out of it for as long as this object lives.
//
// Another disk may be mounted over the folder, or the disk be taken away, while the process runs. What is open already
// (the catalog, a clip that is being written) stays on the right one; what goes by a path would end up on another.
// Therefore whoever creates, renames or removes anything in the folder asks check() before, and again before it
// believes that a file is missing. Thread-safe.
class Volume {
 public:
  // Makes the folder when it is missing, and makes sure that files can be written in it. To be called before the
  // database is opened. A folder without volume.json becomes a new volume. Errors name the path and what to do:
  // forbidden (not writable), no_space, conflict (in use by another process), invalid_argument (a volume.json that is
  // none), unsupported (a network file system).
  static Result<std::unique_ptr<Volume>> open(const Layout& layout);

  const std::string& id() const { return id_; }

  // Whether storage.path leads to the volume that was opened: forbidden when not, with what is there. One stat.
  Status check() const;

  enum class Place {
    here,      // as opened
    missing,   // no volume there
    other,     // another one
    returned,  // the same volume, mounted anew: what was opened before is of no use any more
  };
  struct Seen {
    Place place = Place::here;
    std::string found_id;  // with other
  };
  Seen look() const;
  // After `returned`: takes the lock of the new mount, so that check() is content again. The database must have been
  // opened anew before.
  Status take_again();

 private:
  Volume(const Layout& layout, std::string id, Fd lock);
  void take(Fd lock);
  bool is_here() const;

  const Layout layout_;
  const std::string id_;
  mutable std::mutex mutex_;
  Fd lock_;  // of volume.json
  dev_t device_ = 0;
  ino_t inode_ = 0;  // both of that file
};

// The name of a file system (statfs' f_type) that a catalog must not lie on, because its locks and its shared memory do
// not work there; nothing for all others.
const char* unfit_file_system(int64_t type);

}  // namespace vedette
