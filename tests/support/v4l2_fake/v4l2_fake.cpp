// v4l2_fake plays capture devices of V4L2 where there are none: it sits between a program and libc, as a library that
// is linked in front of libc or preloaded (LD_PRELOAD), and answers open, stat, ioctl, mmap and close of the devices
// that the file named by V4L2_FAKE describes. The file is read again at each call that matters, so that a camera can be
// unplugged while it is watched. Nothing of the product is in here.
//
//   device /dev/video7 Test Camera    what follows is of this device
//   format YUYV 640x480 30 15         a format (its four letters), a size, its rates; YUYV NV12 YU12 are drawn, a
//   moving
//                                     picture: luma (x + y + 4 * frame) mod 256
//   format MJPG 1280x720 30
//   stepwise NV12 64x64 1920x1080 8   a format with sizes in steps
//   data MJPG /path                   its frames: JPEGs one behind the other
//   data H264 /path                   the same, access units that begin with a delimiter
//   padding 64                        bytes at the end of each line
//   fault WHAT                        busy, busy_open, denied, unplugged, silent (no frames), damaged (all flagged),
//                                     short (half a frame), no_formats, drop (every tenth frame)
//
// Behind a device is a timer (timerfd), which poll() takes as it is, and a piece of memory for the buffers.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Size {
  std::string format;
  uint32_t width = 0, height = 0;
  uint32_t most_width = 0, most_height = 0, step = 0;  // in steps when step > 0
  std::vector<uint32_t> rates;
};

struct Description {
  std::string name;
  std::vector<Size> sizes;
  std::map<std::string, std::string> data;
  uint32_t padding = 0;
  std::string fault;
};

struct Opened {
  std::string path;
  v4l2_pix_format format{};
  std::string letters;
  uint32_t rate = 30;
  int memory = -1;
  uint32_t buffer_bytes = 0;
  std::vector<uint8_t*> buffers;
  std::deque<uint32_t> queued;
  uint32_t frame = 0;
  std::vector<std::string> frames;  // of a format that is not drawn
  bool streaming = false;
};

// Never destroyed: threads may still read while the process ends.
struct Fake {
  std::mutex mutex;
  std::map<int, std::unique_ptr<Opened>> opened;
};
Fake& fake() {
  static Fake* const one = new Fake;
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

Size read_size(std::istringstream& line, bool stepwise) {
  Size size;
  char x = 0;
  line >> size.format >> size.width >> x >> size.height;
  if (stepwise) line >> size.most_width >> x >> size.most_height >> size.step;
  for (uint32_t rate = 0; line >> rate;) size.rates.push_back(rate);
  return size;
}

std::map<std::string, Description> descriptions() {
  std::map<std::string, Description> all;
  const char* path = std::getenv("V4L2_FAKE");
  if (!path) return all;
  std::ifstream file(path);
  Description* now = nullptr;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string word, value;
    line >> word;
    if (word == "device") {
      line >> value;
      now = &all[value];
      std::getline(line >> std::ws, now->name);
    }
    if (!now) continue;
    if (word == "format" || word == "stepwise") now->sizes.push_back(read_size(line, word == "stepwise"));
    if (word == "padding") line >> now->padding;
    if (word == "fault") line >> now->fault;
    if (word == "data") {
      line >> value;
      line >> now->data[value];
    }
  }
  return all;
}

bool find(const char* path, Description& out) {
  if (!path || std::strncmp(path, "/dev/", 5) != 0) return false;
  const auto all = descriptions();
  const auto it = all.find(path);
  if (it == all.end()) return false;
  out = it->second;
  return true;
}

int refuse(int error) {
  errno = error;
  return -1;
}

uint32_t letters_to_number(const std::string& letters) {
  return v4l2_fourcc(static_cast<uint32_t>(letters[0]), static_cast<uint32_t>(letters[1]),
                     static_cast<uint32_t>(letters[2]), static_cast<uint32_t>(letters[3]));
}

std::vector<std::string> formats_of(const Description& device) {
  std::vector<std::string> out;
  for (const Size& size : device.sizes)
    if (out.empty() || out.back() != size.format) out.push_back(size.format);
  return out;
}

std::vector<Size> sizes_of(const Description& device, uint32_t pixel_format) {
  std::vector<Size> out;
  for (const Size& size : device.sizes)
    if (letters_to_number(size.format) == pixel_format) out.push_back(size);
  return out;
}

// ---- frames

std::vector<std::string> read_frames(const std::string& path, bool jpeg) {
  std::ifstream file(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  const std::string mark = jpeg ? std::string("\xff\xd8\xff", 3) : std::string("\0\0\0\1\x09", 5);
  std::vector<std::string> out;
  for (size_t at = all.find(mark); at != std::string::npos;) {
    const size_t next = all.find(mark, at + mark.size());
    out.push_back(all.substr(at, next - at));
    at = next;
  }
  return out;
}

void draw(const Opened& opened, uint8_t* to) {
  const v4l2_pix_format& format = opened.format;
  const uint32_t stride = format.bytesperline;
  std::memset(to, 128, format.sizeimage);
  for (uint32_t y = 0; y < format.height; ++y)
    for (uint32_t x = 0; x < format.width; ++x) {
      const auto luma = static_cast<uint8_t>(x + y + 4 * opened.frame);
      to[y * stride + (opened.letters == "YUYV" ? 2 * x : x)] = luma;
    }
}

uint32_t fill(const Opened& opened, uint8_t* to) {
  if (opened.frames.empty()) {
    draw(opened, to);
    return opened.format.sizeimage;
  }
  const std::string& frame = opened.frames[opened.frame % opened.frames.size()];
  const size_t bytes = std::min<size_t>(frame.size(), opened.buffer_bytes);
  std::memcpy(to, frame.data(), bytes);
  return static_cast<uint32_t>(bytes);
}

// ---- ioctls

int set_format(Opened& opened, const Description& device, v4l2_format& format) {
  if (device.fault == "busy") return refuse(EBUSY);
  v4l2_pix_format& pix = format.fmt.pix;
  auto sizes = sizes_of(device, pix.pixelformat);
  if (sizes.empty()) sizes = {device.sizes.front()};
  const Size* best = &sizes.front();
  for (const Size& size : sizes)
    if (size.width == pix.width && size.height == pix.height) best = &size;
  opened.letters = best->format;
  pix.pixelformat = letters_to_number(best->format);
  if (best->step == 0) {
    pix.width = best->width;
    pix.height = best->height;
  }
  const bool drawn = best->format == "YUYV" || best->format == "NV12" || best->format == "YU12";
  pix.bytesperline = !drawn ? 0 : pix.width * (best->format == "YUYV" ? 2 : 1) + device.padding;
  pix.sizeimage = best->format == "YUYV" ? pix.bytesperline * pix.height : pix.bytesperline * pix.height * 3 / 2;
  if (!drawn) pix.sizeimage = 4 * 1024 * 1024;
  opened.format = pix;
  opened.frames.clear();
  if (!drawn) opened.frames = read_frames(device.data.at(best->format), best->format == "MJPG");
  return 0;
}

int request_buffers(Opened& opened, v4l2_requestbuffers& request) {
  const uint32_t page = 4096;
  opened.buffer_bytes = (opened.format.sizeimage + page - 1) / page * page;
  const size_t all = size_t{opened.buffer_bytes} * request.count;
  if (ftruncate(opened.memory, static_cast<off_t>(all)) != 0) return -1;
  void* const base = REAL(mmap)(nullptr, all, PROT_READ | PROT_WRITE, MAP_SHARED, opened.memory, 0);
  opened.buffers.clear();
  for (uint32_t i = 0; i < request.count; ++i)
    opened.buffers.push_back(static_cast<uint8_t*>(base) + size_t{i} * opened.buffer_bytes);
  return 0;
}

int dequeue(int fd, Opened& opened, const Description& device, v4l2_buffer& buffer) {
  if (device.fault == "unplugged") return refuse(ENODEV);
  uint64_t ticks = 0;
  if (read(fd, &ticks, sizeof ticks) != sizeof ticks) return refuse(EAGAIN);
  if (device.fault == "silent" || opened.queued.empty()) return refuse(EAGAIN);
  opened.frame += device.fault == "drop" && opened.frame % 10 == 4 ? 2 : 1;
  buffer.index = opened.queued.front();
  opened.queued.pop_front();
  buffer.bytesused = fill(opened, opened.buffers[buffer.index]);
  if (device.fault == "short") buffer.bytesused /= 2;
  buffer.sequence = opened.frame;
  buffer.flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
  if (device.fault == "damaged") buffer.flags |= V4L2_BUF_FLAG_ERROR;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  buffer.timestamp = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

int enumerate_rates(const Description& device, v4l2_frmivalenum& rate) {
  for (const Size& size : sizes_of(device, rate.pixel_format)) {
    const bool this_one = size.step > 0 || (size.width == rate.width && size.height == rate.height);
    if (!this_one || rate.index >= size.rates.size()) continue;
    rate.type = V4L2_FRMIVAL_TYPE_DISCRETE;
    rate.discrete = {1, size.rates[rate.index]};
    return 0;
  }
  return refuse(EINVAL);
}

int enumerate_sizes(const Description& device, v4l2_frmsizeenum& out) {
  const auto sizes = sizes_of(device, out.pixel_format);
  if (out.index >= sizes.size()) return refuse(EINVAL);
  const Size& size = sizes[out.index];
  out.type = size.step > 0 ? V4L2_FRMSIZE_TYPE_STEPWISE : V4L2_FRMSIZE_TYPE_DISCRETE;
  if (size.step > 0)
    out.stepwise = {size.width, size.most_width, size.step, size.height, size.most_height, size.step};
  else
    out.discrete = {size.width, size.height};
  return 0;
}

int start(int fd, Opened& opened, const Description& device) {
  if (device.fault == "unplugged") return refuse(ENODEV);
  const itimerspec every{{0, 1'000'000'000L / opened.rate}, {0, 1'000'000'000L / opened.rate}};
  opened.streaming = true;
  return timerfd_settime(fd, 0, &every, nullptr);
}

int answer(int fd, Opened& opened, unsigned long request, void* argument) {
  Description device;
  if (!find(opened.path.c_str(), device)) return refuse(ENODEV);
  switch (request) {
    case VIDIOC_QUERYCAP: {
      auto& out = *static_cast<v4l2_capability*>(argument);
      device.name.copy(reinterpret_cast<char*>(out.card), sizeof out.card - 1);
      out.capabilities = V4L2_CAP_DEVICE_CAPS;
      out.device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
      return 0;
    }
    case VIDIOC_ENUM_FMT: {
      auto& out = *static_cast<v4l2_fmtdesc*>(argument);
      const auto formats = formats_of(device);
      if (device.fault == "no_formats" || out.index >= formats.size()) return refuse(EINVAL);
      out.pixelformat = letters_to_number(formats[out.index]);
      return 0;
    }
    case VIDIOC_ENUM_FRAMESIZES:
      return enumerate_sizes(device, *static_cast<v4l2_frmsizeenum*>(argument));
    case VIDIOC_ENUM_FRAMEINTERVALS:
      return enumerate_rates(device, *static_cast<v4l2_frmivalenum*>(argument));
    case VIDIOC_S_FMT:
      return set_format(opened, device, *static_cast<v4l2_format*>(argument));
    case VIDIOC_S_PARM: {
      const v4l2_fract& interval = static_cast<v4l2_streamparm*>(argument)->parm.capture.timeperframe;
      if (interval.numerator > 0) opened.rate = interval.denominator / interval.numerator;
      return 0;
    }
    case VIDIOC_REQBUFS:
      return request_buffers(opened, *static_cast<v4l2_requestbuffers*>(argument));
    case VIDIOC_QUERYBUF: {
      auto& out = *static_cast<v4l2_buffer*>(argument);
      out.length = opened.buffer_bytes;
      out.m.offset = out.index * opened.buffer_bytes;
      return 0;
    }
    case VIDIOC_QBUF:
      opened.queued.push_back(static_cast<v4l2_buffer*>(argument)->index);
      return 0;
    case VIDIOC_DQBUF:
      return dequeue(fd, opened, device, *static_cast<v4l2_buffer*>(argument));
    case VIDIOC_STREAMON:
      return start(fd, opened, device);
    case VIDIOC_STREAMOFF:
      opened.streaming = false;
      return 0;
    default:
      return refuse(ENOTTY);
  }
}

int open_fake(const char* path, const Description& device) {
  if (device.fault == "denied") return refuse(EACCES);
  if (device.fault == "busy_open") return refuse(EBUSY);
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) return fd;
  auto opened = std::make_unique<Opened>();
  opened->path = path;
  opened->memory = memfd_create("v4l2_fake", MFD_CLOEXEC);
  const std::lock_guard lock(fake().mutex);
  fake().opened[fd] = std::move(opened);
  return fd;
}

int memory_of(int fd) {
  const std::lock_guard lock(fake().mutex);
  const auto it = fake().opened.find(fd);
  return it == fake().opened.end() ? -1 : it->second->memory;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  Description device;
  if (find(path, device)) return open_fake(path, device);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return REAL(open)(path, flags, mode);
}

int stat(const char* path, struct stat* out) {
  Description device;
  if (!find(path, device)) return REAL(stat)(path, out);
  *out = {};
  out->st_mode = S_IFCHR | 0660;
  out->st_rdev = makedev(81, 0);
  return 0;
}

int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  {
    const std::lock_guard lock(fake().mutex);
    const auto it = fake().opened.find(fd);
    if (it != fake().opened.end()) return answer(fd, *it->second, request, argument);
  }
  return REAL(ioctl)(fd, request, argument);
}

void* mmap(void* address, size_t length, int protection, int flags, int fd, off_t offset) {
  static thread_local bool inside = false;  // dlsym may map
  if (fd < 0 || inside)
    return reinterpret_cast<void*>(syscall(SYS_mmap, address, length, protection, flags, fd, offset));
  inside = true;
  const int memory = memory_of(fd);
  inside = false;
  return reinterpret_cast<void*>(
      syscall(SYS_mmap, address, length, protection, flags, memory < 0 ? fd : memory, offset));
}

int close(int fd) {
  {
    const std::lock_guard lock(fake().mutex);
    const auto it = fake().opened.find(fd);
    if (it != fake().opened.end()) {
      Opened& opened = *it->second;
      if (!opened.buffers.empty()) munmap(opened.buffers.front(), size_t{opened.buffer_bytes} * opened.buffers.size());
      syscall(SYS_close, opened.memory);
      fake().opened.erase(it);
    }
  }
  return static_cast<int>(syscall(SYS_close, fd));
}
}
