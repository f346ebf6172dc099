#include "sources/v4l2/modes_of.h"

#include <linux/videodev2.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace vedette::v4l2 {

namespace {

// A driver that goes on without an end is not listened to.
constexpr uint32_t kMostFormats = 64, kMostSizes = 256, kMostRates = 64;

constexpr std::array<std::pair<Format, uint32_t>, 6> kPixelFormats = {{{Format::h264, V4L2_PIX_FMT_H264},
                                                                       {Format::nv12, V4L2_PIX_FMT_NV12},
                                                                       {Format::yu12, V4L2_PIX_FMT_YUV420},
                                                                       {Format::yuyv, V4L2_PIX_FMT_YUYV},
                                                                       {Format::mjpeg, V4L2_PIX_FMT_MJPEG},
                                                                       {Format::mjpeg, V4L2_PIX_FMT_JPEG}}};

// Of rates that come in steps or none at all: the wanted one, within the limits.
Rate within(const v4l2_frmival_stepwise& range, int fps) {
  const Rate fastest{range.min.denominator, range.min.numerator}, slowest{range.max.denominator, range.max.numerator};
  if (fps > fastest.fps()) return fastest;
  if (fps < slowest.fps()) return slowest;
  return {static_cast<uint32_t>(fps), 1};
}

void add_rates(int fd, uint32_t pixels, Mode mode, const Wanted& wanted, std::vector<Mode>& out) {
  v4l2_frmivalenum rate{};
  rate.pixel_format = pixels;
  rate.width = static_cast<uint32_t>(mode.size.width_px);
  rate.height = static_cast<uint32_t>(mode.size.height_px);
  for (; rate.index < kMostRates && call(fd, VIDIOC_ENUM_FRAMEINTERVALS, &rate) == 0; ++rate.index) {
    const bool listed = rate.type == V4L2_FRMIVAL_TYPE_DISCRETE;
    mode.rate = listed ? Rate{rate.discrete.denominator, rate.discrete.numerator} : within(rate.stepwise, wanted.fps);
    out.push_back(mode);
    if (!listed) return;
  }
  if (rate.index > 0) return;
  mode.rate = {};
  out.push_back(mode);
}

void add_sizes(int fd, uint32_t pixels, Mode mode, const Wanted& wanted, std::vector<Mode>& out) {
  v4l2_frmsizeenum size{};
  size.pixel_format = pixels;
  for (; size.index < kMostSizes && call(fd, VIDIOC_ENUM_FRAMESIZES, &size) == 0; ++size.index) {
    const bool listed = size.type == V4L2_FRMSIZE_TYPE_DISCRETE;
    const auto& range = size.stepwise;
    mode.size = listed
                    ? FrameSize{static_cast<int>(size.discrete.width), static_cast<int>(size.discrete.height)}
                    : FrameSize{in_steps(wanted.size.width_px, range.min_width, range.max_width, range.step_width),
                                in_steps(wanted.size.height_px, range.min_height, range.max_height, range.step_height)};
    add_rates(fd, pixels, mode, wanted, out);
    if (!listed) return;
  }
  if (size.index > 0) return;
  mode.size = wanted.size;  // the driver does not say; it answers with the nearest when it is asked for one
  add_rates(fd, pixels, mode, wanted, out);
}

}  // namespace

int call(int fd, unsigned long request, void* argument) {
  int result = 0;
  do result = ioctl(fd, request, argument);
  while (result < 0 && errno == EINTR);
  return result;
}

uint32_t pixel_format_of(Format format) {
  for (const auto& [ours, theirs] : kPixelFormats)
    if (ours == format) return theirs;
  return 0;
}

std::optional<Format> format_of_pixels(uint32_t pixel_format) {
  for (const auto& [ours, theirs] : kPixelFormats)
    if (theirs == pixel_format) return ours;
  return std::nullopt;
}

std::vector<Mode> modes_of(int fd, const Wanted& wanted) {
  std::vector<Mode> out;
  v4l2_fmtdesc description{};
  description.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
  for (; description.index < kMostFormats && call(fd, VIDIOC_ENUM_FMT, &description) == 0; ++description.index) {
    const auto format = format_of_pixels(description.pixelformat);
    if (format) add_sizes(fd, description.pixelformat, Mode{*format, {}, {}}, wanted, out);
  }
  return out;
}

}  // namespace vedette::v4l2
