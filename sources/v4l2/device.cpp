#include "sources/v4l2/device.h"

#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "sources/v4l2/modes_of.h"

namespace vedette::v4l2 {

namespace {

constexpr uint32_t kCapture = V4L2_BUF_TYPE_VIDEO_CAPTURE;
constexpr unsigned kVideoMajor = 81;  // kernel documentation, admin-guide/devices.txt
constexpr int kMostDevices = 64;      // that are looked for
// While one is worked on the driver fills the others: at 30 frames a second an encoder may be 100 ms late.
constexpr uint32_t kBuffers = 4;
constexpr size_t kMostFrameBytes = 64 * 1024 * 1024;
constexpr microseconds kStopCheck = 50ms;
// A driver that stamps frames by another clock than it says is not believed.
constexpr microseconds kMostLate = 1s;

std::string text_of(const unsigned char* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size && bytes[i] != 0; ++i)
    text += bytes[i] >= 0x20 && bytes[i] < 0x7f ? static_cast<char>(bytes[i]) : '?';
  return text;
}

std::optional<MonoTime> capture_time(const v4l2_buffer& buffer) {
  if ((buffer.flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) != V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC) return std::nullopt;
  const MonoTime time(seconds(buffer.timestamp.tv_sec) + microseconds(buffer.timestamp.tv_usec));
  const MonoTime now = Clock::system().mono();
  if (time > now || time < now - kMostLate) return std::nullopt;
  return time;
}

uint32_t capabilities_of(const v4l2_capability& capability) {
  const bool per_node = (capability.capabilities & V4L2_CAP_DEVICE_CAPS) != 0;
  return per_node ? capability.device_caps : capability.capabilities;
}

bool is_video_device(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) == kVideoMajor;
}

Fd open_device(const std::string& path) {
  return Fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

}  // namespace

std::string list_devices() {
  std::string out;
  for (int i = 0; i < kMostDevices; ++i) {
    const std::string path = "/dev/video" + std::to_string(i);
    if (!is_video_device(path)) continue;
    const Fd fd = open_device(path);
    v4l2_capability capability{};
    if (!fd || call(fd.get(), VIDIOC_QUERYCAP, &capability) != 0) continue;
    if ((capabilities_of(capability) & V4L2_CAP_VIDEO_CAPTURE) == 0) continue;
    out.append(out.empty() ? "there are " : ", ").append(path).append(" (");
    out.append(text_of(capability.card, sizeof capability.card)).append(")");
  }
  return out.empty() ? "there is no camera of this kind on the machine" : out;
}

tl::unexpected<Error> Device::failed(const char* doing, int error) const {
  const std::string what = path_ + ": " + doing + ": " + std::generic_category().message(error);
  if (error == EBUSY)
    return fail(Code::busy, what + "; another program uses the camera: end it (fuser -v " + path_ + ")");
  if (error == ENODEV || error == EIO || error == ENXIO || error == EPROTO)
    return fail(Code::camera_unavailable, what + "; the camera was unplugged or does not answer");
  if (error == ENOSPC)  // of the bus: kernel documentation, VIDIOC_STREAMON of uvcvideo
    return fail(Code::busy, what + "; the USB bus has no room for it: another port, or format=mjpeg");
  return fail(Code::internal, what);
}

Result<std::unique_ptr<Device>> Device::open(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 && errno == ENOENT)
    return fail(Code::not_found, path + ": there is no such device; " + list_devices());
  if (!is_video_device(path)) return fail(Code::unsupported, path + ": is no video device; " + list_devices());
  Fd fd = open_device(path);
  if (!fd) {
    const int error = errno;
    if (error == EACCES || error == EPERM)
      return fail(Code::forbidden, path +
                                       ": the agent may not open it: put its user into the group video, and allow "
                                       "the device in the systemd unit");
    if (error == EBUSY) return fail(Code::busy, path + ": another program uses the camera");
    return fail(error == ENOENT ? Code::not_found : Code::camera_unavailable,
                path + ": " + std::generic_category().message(error));
  }
  v4l2_capability capability{};
  if (call(fd.get(), VIDIOC_QUERYCAP, &capability) != 0) return fail(Code::unsupported, path + ": is no video device");
  const uint32_t can = capabilities_of(capability);
  if ((can & V4L2_CAP_VIDEO_CAPTURE) == 0)
    return fail(Code::unsupported, path + ((can & V4L2_CAP_VIDEO_CAPTURE_MPLANE) != 0
                                               ? ": gives its planes apart (multi-planar), which is not supported"
                                               : ": captures no video; " + list_devices()));
  if ((can & V4L2_CAP_STREAMING) == 0) return fail(Code::unsupported, path + ": gives no frames in mapped buffers");
  return std::unique_ptr<Device>(new Device(std::move(fd), path, text_of(capability.card, sizeof capability.card)));
}

Device::~Device() {
  if (streaming_) {
    uint32_t type = kCapture;
    call(fd_.get(), VIDIOC_STREAMOFF, &type);
  }
  for (const Mapped& buffer : buffers_) munmap(buffer.address, buffer.bytes);
}

Result<std::vector<Mode>> Device::modes(const Wanted& wanted) {
  auto all = modes_of(fd_.get(), wanted);
  if (all.empty())
    return fail(Code::unsupported, path_ + " (" + name_ + "): offers none of h264, nv12, yu12, yuyv, mjpeg");
  return all;
}

Status Device::set_format(const Mode& mode, Setup& setup) {
  v4l2_format format{};
  format.type = kCapture;
  format.fmt.pix.width = static_cast<uint32_t>(mode.size.width_px);
  format.fmt.pix.height = static_cast<uint32_t>(mode.size.height_px);
  format.fmt.pix.pixelformat = pixel_format_of(mode.format);
  format.fmt.pix.field = V4L2_FIELD_ANY;
  if (call(fd_.get(), VIDIOC_S_FMT, &format) != 0) return failed("setting the format", errno);
  const v4l2_pix_format& got = format.fmt.pix;
  const auto got_format = format_of_pixels(got.pixelformat);
  if (!got_format || *got_format != mode.format)
    return fail(Code::unsupported, path_ + ": gives another format than it offers");
  constexpr uint32_t kMostSide = 8192;
  if (got.width < 2 || got.height < 2 || got.width > kMostSide || got.height > kMostSide ||
      got.sizeimage > kMostFrameBytes || got.bytesperline > 4 * kMostSide)
    return fail(Code::unsupported, path_ + ": gives pictures of a size that cannot be");
  setup.mode.format = *got_format;
  setup.mode.size = {static_cast<int>(got.width), static_cast<int>(got.height)};
  setup.stride_bytes = static_cast<int>(got.bytesperline);
  return {};
}

// Not all drivers have a say in it; then the rate is what the mode said.
void Device::set_rate(const Mode& mode, Setup& setup) {
  setup.mode.rate = mode.rate;
  v4l2_streamparm parameters{};
  parameters.type = kCapture;
  v4l2_fract& interval = parameters.parm.capture.timeperframe;
  interval = {mode.rate.seconds, mode.rate.frames};
  if (mode.rate.frames == 0 || call(fd_.get(), VIDIOC_S_PARM, &parameters) != 0) return;
  if (interval.numerator > 0 && interval.denominator > 0) setup.mode.rate = {interval.denominator, interval.numerator};
}

Status Device::map_buffers() {
  v4l2_requestbuffers request{};
  request.count = kBuffers;
  request.type = kCapture;
  request.memory = V4L2_MEMORY_MMAP;
  if (call(fd_.get(), VIDIOC_REQBUFS, &request) != 0) return failed("asking for buffers", errno);
  if (request.count < 2 || request.count > VIDEO_MAX_FRAME) return fail(Code::unsupported, path_ + ": has no buffers");
  for (uint32_t i = 0; i < request.count; ++i) {
    v4l2_buffer buffer{};
    buffer.type = kCapture;
    buffer.memory = V4L2_MEMORY_MMAP;
    buffer.index = i;
    if (call(fd_.get(), VIDIOC_QUERYBUF, &buffer) != 0) return failed("asking for a buffer", errno);
    if (buffer.length == 0 || buffer.length > kMostFrameBytes)
      return fail(Code::unsupported, path_ + ": has buffers of a size that cannot be");
    void* const address = mmap(nullptr, buffer.length, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(),
                               static_cast<off_t>(buffer.m.offset));
    if (address == MAP_FAILED) return failed("mapping a buffer", errno);
    buffers_.push_back({address, buffer.length});
  }
  return {};
}

Status Device::queue(uint32_t index) {
  v4l2_buffer buffer{};
  buffer.type = kCapture;
  buffer.memory = V4L2_MEMORY_MMAP;
  buffer.index = index;
  if (call(fd_.get(), VIDIOC_QBUF, &buffer) != 0) return failed("giving a buffer back", errno);
  return {};
}

Result<Setup> Device::start(const Mode& mode) {
  Setup setup;
  if (auto set = set_format(mode, setup); !set) return set.error_as_is();
  set_rate(mode, setup);
  if (auto mapped = map_buffers(); !mapped) return mapped.error_as_is();
  for (uint32_t i = 0; i < buffers_.size(); ++i)
    if (auto queued = queue(i); !queued) return queued.error_as_is();
  uint32_t type = kCapture;
  if (call(fd_.get(), VIDIOC_STREAMON, &type) != 0) return failed("starting", errno);
  streaming_ = true;
  return setup;
}

Result<std::optional<Frame>> Device::dequeue() {
  v4l2_buffer buffer{};
  buffer.type = kCapture;
  buffer.memory = V4L2_MEMORY_MMAP;
  if (call(fd_.get(), VIDIOC_DQBUF, &buffer) != 0) {
    if (errno == EAGAIN) return std::optional<Frame>();
    return failed("taking a frame", errno);
  }
  if (buffer.index >= buffers_.size()) return fail(Code::internal, path_ + ": gives a buffer that there is not");
  const Mapped& mapped = buffers_[buffer.index];
  Frame frame;
  frame.bytes = {static_cast<const uint8_t*>(mapped.address), std::min<size_t>(buffer.bytesused, mapped.bytes)};
  frame.index = buffer.index;
  frame.sequence = buffer.sequence;
  frame.captured = capture_time(buffer);
  frame.damaged = (buffer.flags & V4L2_BUF_FLAG_ERROR) != 0 || buffer.bytesused == 0;
  return std::optional(frame);
}

Result<std::optional<Frame>> Device::next(MonoTime deadline, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const microseconds left = deadline - Clock::system().mono();
    if (left <= 0us)
      return fail(Code::timed_out, path_ + ": no frame comes; unplug the camera and plug it in again, or another port");
    pollfd wait{fd_.get(), POLLIN, 0};
    const int ready = poll(&wait, 1, static_cast<int>(to_ms(std::min(left, kStopCheck)) + 1));
    if (ready < 0 && errno != EINTR) return failed("waiting for a frame", errno);
    if (ready <= 0) continue;
    auto frame = dequeue();
    if (!frame || *frame) return frame;
    if ((wait.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) return failed("waiting for a frame", ENODEV);
  }
  return std::optional<Frame>();
}

Status Device::give_back(const Frame& frame) {
  return queue(frame.index);
}

}  // namespace vedette::v4l2
