#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "sources/v4l2/mode.h"

namespace vedette::v4l2 {

struct Url {
  std::string device;  // "/dev/video0", "/dev/v4l/by-id/usb-...-video-index0"
  Wanted wanted;
};

// v4l2:///dev/video0[?size=WxH&fps=N&format=NAME]. invalid_argument says what is wrong: only what lies below /dev, by
// its plain name, is opened. Without a path it lists the devices that there are.
Result<Url> parse_url(std::string_view text);

}  // namespace vedette::v4l2
