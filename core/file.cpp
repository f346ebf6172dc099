#include "core/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/ids.h"

namespace vedette {

namespace {

Result<Fd> open_with(const std::filesystem::path& path, int flags, mode_t mode = 0600) {
  for (;;) {
    Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (fd) return fd;
    if (errno != EINTR) return fail_errno("open " + path.string());
  }
}

// Calls until it does not end with EINTR.
template <class Call>
auto retry(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

namespace file {

namespace {

ChangeHook change_hook = nullptr;

// One folder, whose parent must be there.
Status make_directory(const std::filesystem::path& path, Readers readers) {
  about_to("make folder");
  if (::mkdir(path.c_str(), readers == Readers::group ? 0750 : 0700) == 0)
    return sync_directory(path.has_parent_path() ? path.parent_path() : ".");
  if (errno != EEXIST) return fail_errno("make folder " + path.string());
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) return {};
  return fail(Code::conflict, path.string() + " exists and is not a folder");
}

}  // namespace

void set_change_hook(ChangeHook hook) {
  change_hook = hook;
}

void about_to(const char* change) {
  if (change_hook) change_hook(change);
}

Result<Fd> create(const std::filesystem::path& path, Readers readers) {
  about_to("create");
  return open_with(path, O_RDWR | O_CREAT | O_EXCL, readers == Readers::group ? 0640 : 0600);
}
Result<Fd> open_read(const std::filesystem::path& path) {
  return open_with(path, O_RDONLY);
}
Result<Fd> open_read_write(const std::filesystem::path& path) {
  return open_with(path, O_RDWR | O_NOFOLLOW);  // who can put a link there must not choose what is written to
}

Status write_at(int fd, std::span<const uint8_t> bytes, int64_t offset) {
  about_to("write");
  while (!bytes.empty()) {
    const ssize_t n = retry([&] { return ::pwrite(fd, bytes.data(), bytes.size(), offset); });
    if (n < 0) return fail_errno("write");
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += n;
  }
  return {};
}

Result<size_t> read_at(int fd, std::span<uint8_t> bytes, int64_t offset) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = retry(
        [&] { return ::pread(fd, bytes.data() + done, bytes.size() - done, offset + static_cast<int64_t>(done)); });
    if (n < 0) return fail_errno("read");
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

Result<int64_t> size(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return fail_errno("stat");
  return info.st_size;
}

Status truncate(int fd, int64_t size) {
  about_to("truncate");
  if (retry([&] { return ftruncate(fd, size); }) != 0) return fail_errno("truncate");
  return {};
}

Status sync_data(int fd) {
  about_to("sync");
  if (retry([&] { return fdatasync(fd); }) != 0) return fail_errno("fdatasync");
  return {};
}

Status sync(int fd) {
  about_to("sync");
  if (retry([&] { return fsync(fd); }) != 0) return fail_errno("fsync");
  return {};
}

Status rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  about_to("rename");
  if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno("rename " + from.string() + " to " + to.string());
  return {};
}

Status remove(const std::filesystem::path& path) {
  about_to("remove");
  if (::unlink(path.c_str()) != 0) return fail_errno("remove " + path.string());
  return {};
}

Status sync_directory(const std::filesystem::path& path) {
  const auto fd = open_with(path, O_RDONLY | O_DIRECTORY);
  if (!fd) return fd.error_as_is();
  return sync(fd->get()).with("directory " + path.string());
}

Status make_directories(const std::filesystem::path& path, Readers readers) {
  if (path.empty()) return {};
  auto made = make_directory(path, readers);
  if (made || made.error().code != Code::not_found || path.parent_path() == path) return made;
  if (auto parents = make_directories(path.parent_path(), readers); !parents) return parents;
  return make_directory(path, readers);  // once: below /proc a folder "is not there" although the one above it is
}

Result<std::string> read(const std::filesystem::path& path, size_t most_bytes) {
  const auto fd = open_read(path);
  if (!fd) return fd.error_as_is();
  std::string content(most_bytes + 1, '\0');
  const auto n = read_at(fd->get(), {reinterpret_cast<uint8_t*>(content.data()), content.size()}, 0);
  if (!n) return n.error_with(path.string());
  if (*n > most_bytes)
    return fail(Code::payload_too_large, path.string() + " is larger than " + std::to_string(most_bytes) + " bytes");
  content.resize(*n);
  return content;
}

Status write_atomically(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path beside = path.string() + "." + new_id() + ".tmp";
  auto written = [&]() -> Status {
    const auto fd = create(beside);
    if (!fd) return fd.error_as_is();
    const std::span bytes(reinterpret_cast<const uint8_t*>(content.data()), content.size());
    if (auto status = write_at(fd->get(), bytes, 0); !status) return std::move(status).with(beside.string());
    if (auto status = sync(fd->get()); !status) return status;
    if (auto status = file::rename(beside, path); !status) return status;
    return sync_directory(path.has_parent_path() ? path.parent_path() : ".");
  }();
  if (!written) ::unlink(beside.c_str());
  return written;
}

Result<InMemory> in_memory(std::string_view content) {
  Fd fd(::memfd_create("vedette", MFD_CLOEXEC));
  if (!fd) return fail_errno("make a file in memory");
  for (size_t done = 0; done < content.size();) {
    const ssize_t n = retry([&] { return ::write(fd.get(), content.data() + done, content.size() - done); });
    if (n < 0) return fail_errno("write to memory");
    done += static_cast<size_t>(n);
  }
  auto path = "/proc/self/fd/" + std::to_string(fd.get());
  return InMemory{std::move(fd), std::move(path)};
}

Result<Space> space(const std::filesystem::path& path) {
  struct statvfs info {};
  if (statvfs(path.c_str(), &info) != 0) return fail_errno("statvfs " + path.string());
  return Space{uint64_t{info.f_bavail} * info.f_frsize, uint64_t{info.f_blocks} * info.f_frsize};
}

}  // namespace file
}  // namespace vedette
