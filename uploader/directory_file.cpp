#include "uploader/directory_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "core/text.h"

namespace vedette {

Result<std::span<const uint8_t>> FileReader::read(size_t most) {
  slice_.resize(most);
  const auto n = file::read_at(file_.get(), slice_, size_bytes_);
  if (!n) return n.error_as_is();
  const std::span<const uint8_t> bytes(slice_.data(), *n);
  hash_.add(bytes);
  size_bytes_ += static_cast<int64_t>(*n);
  return bytes;
}

bool stays_inside(const std::string& key) {
  const auto parts = split(key, '/');
  return key.find('\0') == std::string::npos && std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
           return part.empty() || part == "." || part == "..";
         });
}

Status rename_if_absent(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return fail_errno("rename to " + to.string());
  // NFS has no such rename, but a link() that does not replace.
  if (::link(from.c_str(), to.c_str()) != 0) return fail_errno("link " + to.string());
  return file::remove(from);
}

}  // namespace vedette
