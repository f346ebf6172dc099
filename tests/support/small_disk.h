#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace vedette::test {

// SmallDisk is a file system with little room, to be mounted on a folder, filled, taken away and brought back: a tmpfs,
// or ext4 in an image file (loop device). The mounts are in a namespace of this process and its children, and go with
// it.
class SmallDisk {
 public:
  enum class Kind { tmpfs, ext4 };

  // Whether this process may mount at all; the reason why not.
  static std::string not_possible();

  SmallDisk(Kind kind, std::filesystem::path folder, std::filesystem::path image, int64_t kilobytes);
  // A tmpfs.
  SmallDisk(std::filesystem::path folder, int64_t kilobytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  void mount();
  void unmount();
  // Of a tmpfs: gives it so much room, with all that is in it.
  void resize(int64_t kilobytes) const;
  // Writes a file that takes all that is free...
  void fill() const;
  // ...and removes it.
  void make_room() const;
  // Pulls the plug of an ext4: every access of what is open fails from then on, nothing is mounted any more, and the
  // next mount() is of what was on the disk, as another device.
  void pull();
  // What the kernel does with an ext4 whose disk made an error: it is read-only at once, for what is open, too. (To
  // remount it read-only by hand is refused while a clip is open.)
  void fail() const;
  // What is done then: it is unmounted and checked; the next mount() is of the same, as another device.
  void repair();

 private:
  void replug();
  const Kind kind_;
  const std::filesystem::path folder_;
  std::filesystem::path image_;
  const int64_t kilobytes_;
  bool mounted_ = false;
};

}  // namespace vedette::test
