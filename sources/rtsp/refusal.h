#pragma once

#include <string_view>

#include "core/result.h"
#include "sources/rtsp/message.h"

namespace vedette::rtsp {

// The error that a camera's answer other than 200 means; RTSP and HTTP have the same numbers. forbidden (401, 403),
// not_found (404), rate_limited (453), busy (503), unsupported (461), camera_unavailable.
tl::unexpected<Error> refused(std::string_view request, const Response& response);

}  // namespace vedette::rtsp
