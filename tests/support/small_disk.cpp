#include "tests/support/small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "core/file.h"
#include "tests/support/process.h"

namespace vedette::test {

namespace {

// <linux/ext4.h> is not everywhere; fs/ext4/ext4.h: EXT4_IOC_SHUTDOWN, without flushing anything.
constexpr unsigned long kShutDown = _IOR('X', 125, uint32_t);
constexpr uint32_t kWithoutLog = 2;

std::string size_option(int64_t kilobytes) {
  return "size=" + std::to_string(kilobytes) + "k";
}

void check(bool done, const std::string& what) {
  if (!done) throw std::runtime_error(what + ": " + std::strerror(errno));
}

}  // namespace

std::string SmallDisk::not_possible() {
  static const std::string reason = []() -> std::string {
    if (unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return {};
    return std::string("not allowed to mount: ") + std::strerror(errno);
  }();
  return reason;
}

SmallDisk::SmallDisk(Kind kind, std::filesystem::path folder, std::filesystem::path image, int64_t kilobytes)
    : kind_(kind), folder_(std::move(folder)), image_(std::move(image)), kilobytes_(kilobytes) {
  if (kind_ == Kind::ext4) {
    write_text(image_, "");
    check(truncate(image_.c_str(), off_t{kilobytes_} << 10) == 0, "image");
    run_or_throw({"mkfs.ext4", "-q", "-m", "0", image_.string()});
  }
  mount();
}

SmallDisk::SmallDisk(std::filesystem::path folder, int64_t kilobytes)
    : SmallDisk(Kind::tmpfs, std::move(folder), {}, kilobytes) {}

SmallDisk::~SmallDisk() {
  if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
}

void SmallDisk::mount() {
  std::filesystem::create_directories(folder_);
  if (kind_ == Kind::tmpfs)
    check(::mount("tmpfs", folder_.c_str(), "tmpfs", 0, size_option(kilobytes_).c_str()) == 0, "mount");
  else
    run_or_throw({"mount", "-o", "loop,errors=remount-ro", image_.string(), folder_.string()});
  mounted_ = true;
}

void SmallDisk::unmount() {
  check(umount2(folder_.c_str(), MNT_DETACH) == 0, "unmount");
  mounted_ = false;
}

void SmallDisk::resize(int64_t kilobytes) const {
  check(::mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, size_option(kilobytes).c_str()) == 0, "remount");
}

void SmallDisk::fill() const {
  const Fd fd(::open((folder_ / "filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  check(static_cast<bool>(fd), "filler");
  for (size_t piece = 1 << 20; piece > 0;) {
    const std::vector<char> bytes(piece);
    if (write(fd.get(), bytes.data(), bytes.size()) <= 0) piece /= 2;
  }
}

void SmallDisk::make_room() const {
  std::filesystem::remove(folder_ / "filler");
}

// The old device lives on as long as anything is open on it, and must not write into the new one.
void SmallDisk::replug() {
  const std::filesystem::path replugged = image_.string() + "+";
  std::filesystem::copy_file(image_, replugged);
  image_ = replugged;
  unmount();
}

void SmallDisk::pull() {
  const Fd fd(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check(ioctl(fd.get(), kShutDown, &kWithoutLog) == 0, "shutdown of the file system");
  replug();
}

void SmallDisk::fail() const {
  struct stat st {};
  check(::stat(folder_.c_str(), &st) == 0, "stat");
  const auto device = std::filesystem::canonical("/sys/dev/block/" + std::to_string(major(st.st_dev)) + ":" +
                                                 std::to_string(minor(st.st_dev)));
  write_text("/sys/fs/ext4/" + device.filename().string() + "/trigger_fs_error", "a test");
}

void SmallDisk::repair() {
  replug();
  const auto checked = run({"e2fsck", "-f", "-y", image_.string()});
  if (checked.status > 1) throw std::runtime_error("e2fsck: " + checked.output);  // 1: mended
}

}  // namespace vedette::test
