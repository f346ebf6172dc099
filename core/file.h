#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/result.h"

namespace vedette {

// A file descriptor that closes itself. Errors of close() are of no use after fsync, and are ignored.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// The file door: everything that must survive a power cut is written through these, in the order that the storage
// invariants ask for. All retry EINTR and short transfers.
namespace file {

// Who may read what is made: the agent alone (0600, folders 0700), or its group too (0640, 0750), less the umask.
enum class Readers { owner, group };

// Creates a file that must not exist yet (O_EXCL), read-write.
Result<Fd> create(const std::filesystem::path& path, Readers readers = Readers::owner);
Result<Fd> open_read(const std::filesystem::path& path);
Result<Fd> open_read_write(const std::filesystem::path& path);  // not by a symbolic link

Status write_at(int fd, std::span<const uint8_t> bytes, int64_t offset);
// Fewer bytes than asked only at the end of the file.
Result<size_t> read_at(int fd, std::span<uint8_t> bytes, int64_t offset);
Result<int64_t> size(int fd);
Status truncate(int fd, int64_t size);
Status sync_data(int fd);  // fdatasync
Status sync(int fd);       // fsync

Status rename(const std::filesystem::path& from, const std::filesystem::path& to);
Status remove(const std::filesystem::path& path);
Status sync_directory(const std::filesystem::path& path);
// Makes the folder and its missing parents, each synced into the one above it.
Status make_directories(const std::filesystem::path& path, Readers readers = Readers::owner);

// A whole small file; payload_too_large above `most_bytes`.
Result<std::string> read(const std::filesystem::path& path, size_t most_bytes);
// Writes beside, syncs, renames over, syncs the folder: afterwards the old or the new content is there, never a part.
Status write_atomically(const std::filesystem::path& path, std::string_view content);

// A file that is on no disk, for those who read files only. `path` leads to it as long as the descriptor is open.
struct InMemory {
  Fd fd;
  std::filesystem::path path;
};
Result<InMemory> in_memory(std::string_view content);

// Called before each change of the disk through this door, and before and after each commit of the database: the tests
// of kills end the process there. Not set but in tests, which set it while nothing runs.
using ChangeHook = void (*)(const char* change);
void set_change_hook(ChangeHook hook);
// For those few who change the disk by other means.
void about_to(const char* change);

struct Space {
  uint64_t free_bytes = 0;  // for an unprivileged process
  uint64_t total_bytes = 0;
};
Result<Space> space(const std::filesystem::path& path);

}  // namespace file
}  // namespace vedette
