#include "storage/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "core/file.h"

namespace vedette {

namespace {

// What a kill between the two steps of keep() left does not, nor does a copy with holes.
bool takes(const std::filesystem::path& path, int64_t bytes) {
  constexpr int64_t kBlockBytes = 512;  // of st_blocks, whatever the file system has
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && info.st_blocks * kBlockBytes >= bytes;
}

}  // namespace

Status Reserve::keep() {
  if (takes(path_, bytes_)) return {};
  auto made = file::create(path_);
  if (!made && made.error().code == Code::already_exists) made = file::open_read_write(path_);
  if (!made) return made.error_as_is();
  // Not ftruncate: that would make a hole, which takes nothing.
  const int failed = posix_fallocate(made->get(), 0, bytes_);
  if (failed == 0) return {};
  (void)file::remove(path_);
  return fail_errno("reserve " + path_.string(), failed);
}

Status Reserve::give_up() {
  auto removed = file::remove(path_);
  if (!removed && removed.error().code == Code::not_found) return {};
  return removed;
}

}  // namespace vedette
