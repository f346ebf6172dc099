#include "storage/volume.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/clock.h"
#include "core/ids.h"
#include "core/json.h"

namespace vedette {

namespace {

constexpr size_t kMostBytes = 64 * 1024;

Status make_identity(const Layout& layout) {
  const Json identity = {{"v", 1},
                         {"volume_id", new_id()},
                         {"device_id", layout.device_id},
                         {"created_at", to_rfc3339(Clock::system().utc())}};
  return file::write_atomically(layout.volume_file(), identity.dump(2) + "\n");
}

constexpr const char* kAdvice =
    " (it is damaged: remove it, and the next start makes a new one; nothing else depends on it)";

Result<std::string> read_identity(const std::filesystem::path& path) {
  const auto text = file::read(path, kMostBytes);
  if (!text) return text.error_as_is();
  const auto json = parse_json(*text, {});
  if (!json) return fail(Code::invalid_argument, path.string() + ": " + json.error().message + kAdvice);
  std::vector<FieldError> errors;
  JsonReader reader(*json, "", errors);
  auto id = reader.require("volume_id").uuid("volume_id");
  if (!errors.empty()) return fail(Code::invalid_argument, path.string() + ": " + summary(errors) + kAdvice);
  return std::move(*id);
}

Result<Fd> take_lock(const std::filesystem::path& path) {
  auto fd = file::open_read(path);
  if (!fd) return fd;
  if (flock(fd->get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno == EWOULDBLOCK) return fail(Code::conflict, "the folder is in use by another vedette");
  return fail_errno("lock " + path.string());
}

// A file is made and removed: the mode bits alone do not say what a read-only mount or a full disk does.
Status try_to_write(const std::filesystem::path& folder) {
  const auto probe = folder / (new_id() + ".probe");
  if (const auto fd = file::create(probe); !fd) return fd.error_as_is();
  return file::remove(probe);
}

Status check_file_system(const std::filesystem::path& folder) {
  struct statfs facts {};
  if (statfs(folder.c_str(), &facts) != 0) return fail_errno("statfs " + folder.string());
  const char* unfit = unfit_file_system(facts.f_type);
  if (!unfit) return {};
  return fail(Code::unsupported, "it is on " + std::string(unfit) +
                                     ", where a database can be damaged; use a local disk, and upload.target "
                                     "\"directory\" for the network drive");
}

std::string remedy(Code code) {
  if (code == Code::forbidden)
    return " (give the folder to the user that vedette runs as, or set storage.path to one that is its own)";
  if (code == Code::no_space) return " (free some space on that disk, or set storage.path to another one)";
  return {};
}

struct Opened {
  std::string id;
  Fd lock;
};

Result<Opened> open_folder(const Layout& layout) {
  if (auto made = file::make_directories(layout.root); !made) return made.error_as_is();
  if (auto fit = check_file_system(layout.root); !fit) return fit.error_as_is();
  if (auto written = try_to_write(layout.root); !written) return written.error_as_is();
  std::error_code ignored;
  if (!std::filesystem::exists(layout.volume_file(), ignored))
    if (auto made = make_identity(layout); !made) return made.error_as_is();
  auto lock = take_lock(layout.volume_file());
  if (!lock) return lock.error_as_is();
  auto id = read_identity(layout.volume_file());
  if (!id) return id.error_as_is();
  return Opened{std::move(*id), std::move(*lock)};
}

}  // namespace

const char* unfit_file_system(int64_t type) {
  // statfs(2); not all are in a header.
  switch (type) {
    case 0x6969:
      return "NFS";
    case 0xff534d42:
    case 0xfe534d42:
    case 0x517b:
      return "a Windows share (CIFS, SMB)";
    case 0x01021997:
      return "9p";
    case 0x00c36400:
      return "CephFS";
    default:
      return nullptr;
  }
}

Result<std::unique_ptr<Volume>> Volume::open(const Layout& layout) {
  auto opened = open_folder(layout);
  if (opened) return std::unique_ptr<Volume>(new Volume(layout, std::move(opened->id), std::move(opened->lock)));
  return fail(opened.error().code,
              "storage folder " + layout.root.string() + ": " + opened.error().message + remedy(opened.error().code));
}

Volume::Volume(const Layout& layout, std::string id, Fd lock) : layout_(layout), id_(std::move(id)) {
  take(std::move(lock));
}

// With the lock held, or while nobody else knows of this object.
void Volume::take(Fd lock) {
  lock_ = std::move(lock);
  struct stat facts {};
  if (fstat(lock_.get(), &facts) != 0) return;
  device_ = facts.st_dev;
  inode_ = facts.st_ino;
}

// Not by the id in the file: the file itself must be the one that is locked.
bool Volume::is_here() const {
  struct stat facts {};
  if (stat(layout_.volume_file().c_str(), &facts) != 0) return false;
  const std::lock_guard lock(mutex_);
  return facts.st_dev == device_ && facts.st_ino == inode_;
}

Status Volume::check() const {
  if (is_here()) return {};
  return fail(Code::forbidden, layout_.root.string() + " is not the volume " + id_ + " any more");
}

Volume::Seen Volume::look() const {
  if (is_here()) return {};
  auto found = read_identity(layout_.volume_file());
  if (!found) return {Place::missing, {}};
  if (*found == id_) return {Place::returned, {}};
  return {Place::other, std::move(*found)};
}

Status Volume::take_again() {
  auto taken = take_lock(layout_.volume_file());
  if (!taken) return taken.error_as_is();
  const std::lock_guard lock(mutex_);
  take(std::move(*taken));
  return {};
}

}  // namespace vedette
