#pragma once

// Inside sources/v4l2 only: what a device says that it can do.
#include <cstdint>
#include <optional>
#include <vector>

#include "sources/v4l2/mode.h"

namespace vedette::v4l2 {

// ioctl that goes on after a signal.
int call(int fd, unsigned long request, void* argument);

// The numbers of linux/videodev2.h.
uint32_t pixel_format_of(Format format);
std::optional<Format> format_of_pixels(uint32_t pixel_format);

// All that a device lists, and of what it makes in steps the size and rate nearest to what is wanted. A rate of 0
// frames: the device does not say.
std::vector<Mode> modes_of(int fd, const Wanted& wanted);

}  // namespace vedette::v4l2
