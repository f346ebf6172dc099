#include "storage/reserve.h"

#include <fcntl.h>

#include "core/file.h"

namespace vedette {

Status Reserve::keep() {
  std::error_code ignored;
  if (std::filesystem::exists(path_, ignored)) return {};
  const auto made = file::create(path_);
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
