#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/file.h"
#include "core/result.h"
#include "sources/v4l2/mode.h"

namespace vedette::v4l2 {

// What the device will give, which may differ from what it was asked for.
struct Setup {
  Mode mode;
  int stride_bytes = 0;
};

// One frame, in the memory that driver and program share: good until it is given back.
struct Frame {
  std::span<const uint8_t> bytes;
  uint32_t index = 0;
  uint32_t sequence = 0;             // counted by the driver, those included that it had no buffer for
  std::optional<MonoTime> captured;  // where the driver says so on our clock
  bool damaged = false;
};

// Device is a capture device of V4L2: the door to its ioctls. Frames come in buffers of the kernel's that are mapped
// (kernel documentation, userspace-api/media/v4l/mmap.rst); single-planar devices only, which USB cameras and capture
// cards are. Used by one thread.
//
// Errors: not_found (no such device; names those that there are), forbidden (no right to open it), busy (another
// program uses it), unsupported (it is no camera, or gives nothing of use), camera_unavailable (unplugged), timed_out
// (no frame).
class Device {
 public:
  static Result<std::unique_ptr<Device>> open(const std::string& path);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // As its driver calls it: "HD Webcam C920".
  const std::string& name() const { return name_; }
  // What it offers, each size and rate near to what is wanted where it makes any.
  Result<std::vector<Mode>> modes(const Wanted& wanted);
  // Sets it up, maps its buffers, and starts it.
  Result<Setup> start(const Mode& mode);

  // The next frame; nothing at the stop.
  Result<std::optional<Frame>> next(MonoTime deadline, const std::stop_token& stop);
  Status give_back(const Frame& frame);

 private:
  struct Mapped {
    void* address = nullptr;
    size_t bytes = 0;
  };
  Device(Fd fd, std::string path, std::string name)
      : fd_(std::move(fd)), path_(std::move(path)), name_(std::move(name)) {}

  Status set_format(const Mode& mode, Setup& setup);
  void set_rate(const Mode& mode, Setup& setup);
  Status map_buffers();
  Status queue(uint32_t index);
  Result<std::optional<Frame>> dequeue();
  tl::unexpected<Error> failed(const char* doing, int error) const;

  const Fd fd_;
  const std::string path_;
  const std::string name_;
  std::vector<Mapped> buffers_;
  bool streaming_ = false;
};

// "there are /dev/video0 (HD Webcam), /dev/video2 (Capture)", or that there is none: for messages.
std::string list_devices();

}  // namespace vedette::v4l2
