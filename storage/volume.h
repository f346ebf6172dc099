#pragma once

#include <string>

#include "core/file.h"
#include "core/result.h"
#include "storage/layout.h"

namespace vedette {

// The storage folder as this process has it: its identity (volume.json, made at the first start with a fresh id, so
// that another disk in its place is noticed), and the lock that keeps a second vedette out of it for as long as this
// object lives.
struct Volume {
  std::string volume_id;
  Fd lock;
};

// The name of a file system (statfs' f_type) that a catalog must not lie on, because its locks and its shared memory do
// not work there; nothing for all others.
const char* unfit_file_system(int64_t type);

// Makes the folder when it is missing, and makes sure that files can be written in it. To be called before the
// database is opened. Errors name the path and what to do: forbidden (not writable), no_space, conflict (in use by
// another process), invalid_argument (a volume.json that is none), unsupported (a network file system).
Result<Volume> open_volume(const Layout& layout);

}  // namespace vedette
