// disk_tap sits between a program and libc (LD_PRELOAD), and sees every change that it makes below one folder: what of
// it a power cut would have left can be made from the log (disk_log.py), and single calls can be made to fail or to be
// slow. Nothing of the product is in here. All by environment:
//
//   DISK_TAP_FOLDER  absolute path of the folder; without it, nothing is done
//   DISK_TAP_LOG     the log is appended to this file, which lies elsewhere
//   DISK_TAP_PORT    what is sent to and comes from this TCP port is in the log too, in the same order: what others had
//                    been told when the power went
//   DISK_TAP_FAULTS  a file, read again at each call, of lines "CALL PART-OF-PATH WHAT": CALL is open, write, truncate,
//                    sync, rename, unlink, mkdir or any; PART-OF-PATH "*" is any path; WHAT is ENOSPC, EIO, EROFS,
//                    EDQUOT, or a delay in milliseconds. "open" is opening for writing. To be replaced by a rename.
//
// A change and its record are one step under a lock: the log has the order in which the kernel took them. A sync has a
// record before and one after it, as other threads go on meanwhile. Not seen: writes through mmap (of SQLite, only the
// -shm file, which is made anew after a power cut), and calls that are not in this file.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <string_view>

namespace {

// In the order of disk_log.py's struct; then so many bytes of text or data, twice.
struct __attribute__((packed)) Record {
  char kind;
  int64_t time_us;
  uint32_t handle;
  int64_t a;
  int64_t b;
  uint32_t first_bytes;
  uint32_t second_bytes;
};

struct Handle {
  uint32_t id = 0;  // 0: none of ours
  enum class Kind : uint8_t { unknown, other, file, peer } kind = Kind::unknown;
  std::string path;
};

constexpr int kMostHandles = 4096;

// Never destroyed: threads may still write while the process ends.
struct Tap {
  std::string folder;
  std::string faults;
  int log = -1;
  int port = 0;
  std::mutex mutex;
  uint32_t last_id = 0;
  int64_t last_sync = 0;
  std::array<Handle, kMostHandles> handles;

  Tap() {
    if (const char* value = std::getenv("DISK_TAP_FOLDER")) folder = value;
    if (const char* value = std::getenv("DISK_TAP_FAULTS")) faults = value;
    if (const char* value = std::getenv("DISK_TAP_PORT")) port = std::atoi(value);
    if (const char* value = std::getenv("DISK_TAP_LOG"))
      log = static_cast<int>(syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  }
};

Tap& tap() {
  static Tap* const one = new Tap;
  return *one;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
#define REAL(name)                                      \
  (*[] {                                                \
    static auto* const f = real<decltype(name)>(#name); \
    return f;                                           \
  }())

// Relative to the folder; empty when it is not in there.
std::string inside(const char* path) {
  if (tap().folder.empty() || !path) return {};
  std::string full = path;
  if (full.empty() || full[0] != '/') {
    std::array<char, PATH_MAX> here{};
    if (!getcwd(here.data(), here.size())) return {};
    full = std::string(here.data()) + "/" + full;
  }
  if (full == tap().folder) return ".";
  if (full.size() <= tap().folder.size() || full.compare(0, tap().folder.size(), tap().folder) != 0 ||
      full[tap().folder.size()] != '/')
    return {};
  return full.substr(tap().folder.size() + 1);
}

// With the lock held.
void write_down(char kind, uint32_t handle, int64_t a, int64_t b, std::string_view first = {},
                std::string_view second = {}) {
  if (tap().log < 0) return;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  Record record{kind,
                now.tv_sec * 1'000'000 + now.tv_nsec / 1000,
                handle,
                a,
                b,
                static_cast<uint32_t>(first.size()),
                static_cast<uint32_t>(second.size())};
  std::array<iovec, 3> pieces{{{&record, sizeof record},
                               {const_cast<char*>(first.data()), first.size()},
                               {const_cast<char*>(second.data()), second.size()}}};
  const auto size = static_cast<long>(sizeof record + first.size() + second.size());
  if (syscall(SYS_writev, tap().log, pieces.data(), pieces.size()) != size) {
    std::fputs("disk_tap: the log cannot be written\n", stderr);
    std::abort();
  }
}

Handle* handle_of(int fd) {
  return fd >= 0 && fd < kMostHandles ? &tap().handles[static_cast<size_t>(fd)] : nullptr;
}

int error_named(std::string_view name) {
  if (name == "ENOSPC") return ENOSPC;
  if (name == "EROFS") return EROFS;
  if (name == "EDQUOT") return EDQUOT;
  return EIO;
}

// What the faults file has for this call: waits for a delay; true when the call is to fail, with errno set.
bool faulted(std::string_view call, std::string_view path) {
  if (tap().faults.empty()) return false;
  const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, tap().faults.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd < 0) return false;
  std::array<char, 4096> text{};
  const long size = syscall(SYS_read, fd, text.data(), text.size() - 1);
  syscall(SYS_close, fd);
  std::string_view rest(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
  while (!rest.empty()) {
    const std::string line(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    std::array<char, 32> wanted{}, what{};
    std::array<char, 256> part{};
    if (std::sscanf(line.c_str(), "%31s %255s %31s", wanted.data(), part.data(), what.data()) != 3) continue;
    if (std::string_view(wanted.data()) != "any" && call != wanted.data()) continue;
    if (std::string_view(part.data()) != "*" && path.find(part.data()) == std::string_view::npos) continue;
    if (what[0] >= '0' && what[0] <= '9') {
      const long ms = std::atol(what.data());
      const timespec pause{ms / 1000, ms % 1000 * 1'000'000};
      nanosleep(&pause, nullptr);
      continue;
    }
    errno = error_named(what.data());
    return true;
  }
  return false;
}

// The path behind a descriptor that was opened in the folder; empty for all others.
std::string path_of(int fd) {
  const std::lock_guard lock(tap().mutex);
  const Handle* handle = handle_of(fd);
  return handle && handle->kind == Handle::Kind::file ? handle->path : std::string();
}

constexpr int64_t kCreated = 1, kTruncated = 2;

template <class Open>
int tapped_open(const char* path, int flags, const Open& open) {
  const std::string relative = inside(path);
  if (relative.empty()) {
    const int fd = open();
    const std::lock_guard lock(tap().mutex);
    if (Handle* handle = handle_of(fd)) *handle = {};
    return fd;
  }
  if ((flags & O_ACCMODE) != O_RDONLY && faulted("open", relative)) return -1;
  const std::lock_guard lock(tap().mutex);
  struct stat before {};
  const bool was_there = (flags & O_CREAT) == 0 || stat(path, &before) == 0;
  const int fd = open();
  if (Handle* handle = handle_of(fd)) {
    *handle = {++tap().last_id, Handle::Kind::file, relative};
    write_down('O', handle->id, (was_there ? 0 : kCreated) | ((flags & O_TRUNC) != 0 ? kTruncated : 0), 0, relative);
  }
  return fd;
}

// Whether what goes over the descriptor is to be in the log. With the lock held.
bool is_peer(Handle& handle, int fd) {
  if (handle.kind != Handle::Kind::unknown) return handle.kind == Handle::Kind::peer;
  if (tap().port == 0) return false;
  sockaddr_in address{};
  socklen_t size = sizeof address;
  const int saved = errno;
  const bool connected = getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const bool waits = !connected && errno == ENOTCONN;  // not connected yet
  errno = saved;
  if (waits) return false;
  const bool ours = connected && address.sin_family == AF_INET && ntohs(address.sin_port) == tap().port;
  handle = {ours ? ++tap().last_id : 0, ours ? Handle::Kind::peer : Handle::Kind::other, {}};
  return ours;
}

void heard(int fd, const void* data, ssize_t size) {
  if (size <= 0 || tap().port == 0) return;
  const std::lock_guard lock(tap().mutex);
  Handle* handle = handle_of(fd);
  if (handle && is_peer(*handle, fd))
    write_down('H', handle->id, 0, 0, {static_cast<const char*>(data), static_cast<size_t>(size)});
}

void was_sent(int fd, const void* data, ssize_t size) {
  if (size <= 0 || tap().port == 0) return;
  const std::lock_guard lock(tap().mutex);
  Handle* handle = handle_of(fd);
  if (handle && is_peer(*handle, fd))
    write_down('N', handle->id, 0, 0, {static_cast<const char*>(data), static_cast<size_t>(size)});
}

template <class Write>
ssize_t tapped_write(int fd, int64_t offset, const void* data, const Write& write) {
  const std::string path = path_of(fd);
  if (path.empty()) return write();
  if (faulted("write", path)) return -1;
  const std::lock_guard lock(tap().mutex);
  if (offset < 0) offset = lseek(fd, 0, SEEK_CUR);
  const ssize_t done = write();
  if (done > 0)
    write_down('W', handle_of(fd)->id, offset, 0, {static_cast<const char*>(data), static_cast<size_t>(done)});
  return done;
}

template <class Truncate>
int tapped_size(char kind, int fd, int64_t size, const Truncate& truncate) {
  const std::string path = path_of(fd);
  if (path.empty()) return truncate();
  if (faulted(kind == 'A' ? "write" : "truncate", path)) return kind == 'A' ? errno : -1;
  const std::lock_guard lock(tap().mutex);
  const int result = truncate();
  if (result == 0) write_down(kind, handle_of(fd)->id, size, 0);
  return result;
}

template <class Sync>
int tapped_sync(int fd, const Sync& sync) {
  const std::string path = path_of(fd);
  if (path.empty()) return sync();
  if (faulted("sync", path)) return -1;
  int64_t number = 0;
  uint32_t id = 0;
  {
    const std::lock_guard lock(tap().mutex);
    number = ++tap().last_sync;
    id = handle_of(fd)->id;
    write_down('S', id, 0, number);
  }
  const int result = sync();
  const std::lock_guard lock(tap().mutex);
  write_down('E', id, result, number);
  return result;
}

template <class Change>
int tapped_name(char kind, std::string_view call, const char* path, const char* second, const Change& change) {
  const std::string from = inside(path);
  const std::string to = second ? inside(second) : std::string();
  if (from.empty() && to.empty()) return change();
  if (faulted(call, from)) return -1;
  const std::lock_guard lock(tap().mutex);
  const int result = change();
  if (result == 0) write_down(kind, 0, 0, 0, from, to);
  return result;
}

// A new process: its handles and syncs are counted anew.
__attribute__((constructor)) void begin() {
  const std::lock_guard lock(tap().mutex);
  write_down('P', 0, getpid(), 0);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return tapped_open(path, flags, [&] { return REAL(open)(path, flags, mode); });
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return tapped_open(path, flags, [&] { return REAL(open64)(path, flags, mode); });
}

int close(int fd) {
  {
    const std::lock_guard lock(tap().mutex);
    if (Handle* handle = handle_of(fd)) *handle = {};
  }
  return REAL(close)(fd);
}

ssize_t write(int fd, const void* data, size_t size) {
  if (!path_of(fd).empty()) return tapped_write(fd, -1, data, [&] { return REAL(write)(fd, data, size); });
  const ssize_t done = REAL(write)(fd, data, size);
  was_sent(fd, data, done);
  return done;
}
ssize_t send(int fd, const void* data, size_t size, int flags) {
  const ssize_t done = REAL(send)(fd, data, size, flags);
  was_sent(fd, data, done);
  return done;
}
ssize_t read(int fd, void* data, size_t size) {
  const ssize_t done = REAL(read)(fd, data, size);
  heard(fd, data, done);
  return done;
}
ssize_t recv(int fd, void* data, size_t size, int flags) {
  const ssize_t done = REAL(recv)(fd, data, size, flags);
  if ((flags & MSG_PEEK) == 0) heard(fd, data, done);
  return done;
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  return tapped_write(fd, offset, data, [&] { return REAL(pwrite)(fd, data, size, offset); });
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  return tapped_write(fd, offset, data, [&] { return REAL(pwrite64)(fd, data, size, offset); });
}
ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
  if (path_of(fd).empty()) return REAL(pwritev)(fd, pieces, count, offset);
  std::string data;
  for (int i = 0; i < count; ++i) data.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  return tapped_write(fd, offset, data.data(), [&] { return REAL(pwritev)(fd, pieces, count, offset); });
}

int ftruncate(int fd, off_t size) noexcept {
  return tapped_size('T', fd, size, [&] { return REAL(ftruncate)(fd, size); });
}
int ftruncate64(int fd, off64_t size) noexcept {
  return tapped_size('T', fd, size, [&] { return REAL(ftruncate64)(fd, size); });
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  return tapped_size('A', fd, offset + size, [&] { return REAL(posix_fallocate)(fd, offset, size); });
}

int fsync(int fd) {
  return tapped_sync(fd, [&] { return REAL(fsync)(fd); });
}
int fdatasync(int fd) {
  return tapped_sync(fd, [&] { return REAL(fdatasync)(fd); });
}

int rename(const char* from, const char* to) noexcept {
  return tapped_name('R', "rename", from, to, [&] { return REAL(rename)(from, to); });
}
int unlink(const char* path) noexcept {
  return tapped_name('U', "unlink", path, nullptr, [&] { return REAL(unlink)(path); });
}
int remove(const char* path) noexcept {
  return tapped_name('U', "unlink", path, nullptr, [&] { return REAL(remove)(path); });
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  if (path[0] == '/' || folder == AT_FDCWD)
    return tapped_name('U', "unlink", path, nullptr, [&] { return REAL(unlinkat)(folder, path, flags); });
  std::array<char, PATH_MAX> full{};
  const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(folder)).c_str(), full.data(), full.size() - 1);
  const std::string name = std::string(full.data(), size > 0 ? static_cast<size_t>(size) : 0) + "/" + path;
  return tapped_name('U', "unlink", name.c_str(), nullptr, [&] { return REAL(unlinkat)(folder, path, flags); });
}
int rmdir(const char* path) noexcept {
  return tapped_name('U', "unlink", path, nullptr, [&] { return REAL(rmdir)(path); });
}
int mkdir(const char* path, mode_t mode) noexcept {
  return tapped_name('M', "mkdir", path, nullptr, [&] { return REAL(mkdir)(path, mode); });
}

}  // extern "C"
