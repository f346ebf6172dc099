#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media/encode_settings.h"

namespace vedette::v4l2 {

// The formats of a device that are of use here, in the order in which they are preferred where all else is the same:
// what is encoded already costs nothing, a JPEG must be decoded first.
enum class Format { h264, nv12, yu12, yuyv, mjpeg };
// "h264", "yuyv": the words of the URL and of the log.
std::string_view format_name(Format format);
std::optional<Format> format_of(std::string_view name);
inline bool is_compressed(Format format) {
  return format == Format::h264 || format == Format::mjpeg;
}

// Frames a second, as the device counts them: so many in so many seconds.
struct Rate {
  uint32_t frames = 0;
  uint32_t seconds = 1;
  double fps() const { return seconds == 0 ? 0 : static_cast<double>(frames) / seconds; }
};

// One way in which a device can be set up.
struct Mode {
  Format format = Format::yuyv;
  FrameSize size;
  Rate rate;
};
std::string to_text(const Mode& mode);  // "yuyv 1280x720 at 30/s"

struct Wanted {
  FrameSize size{1280, 720};
  int fps = 30;
  std::optional<Format> format{};  // no other
  bool compressed_only = false;
};

// The mode that is nearest to what is wanted: first the size counts, then the rate (too low is worse than too high),
// then the preference of the format. Nothing where none of the formats that may be is offered.
std::optional<Mode> nearest(const std::vector<Mode>& modes, const Wanted& wanted);

// The side of a picture nearest to the wanted one, of those that a device makes in steps.
int in_steps(int wanted, uint32_t least, uint32_t most, uint32_t step);

}  // namespace vedette::v4l2
