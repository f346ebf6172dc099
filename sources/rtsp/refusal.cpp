#include "sources/rtsp/refusal.h"

#include <string>

namespace vedette::rtsp {

tl::unexpected<Error> refused(std::string_view request, const Response& response) {
  const std::string text = std::string(request) + ": " + std::to_string(response.status) + " " + response.reason;
  switch (response.status) {
    case 401:
      return fail(Code::forbidden, text + " (user name or password)");
    case 403:
      return fail(Code::forbidden, text + " (this user may not see this stream)");
    case 404:
      return fail(Code::not_found, text + " (the path of the URL)");
    case 453:
      return fail(Code::rate_limited, text + " (too many are watching this camera)");
    case 503:
      return fail(Code::busy, text + " (has it a session free? close other viewers)");
    case 461:
      return fail(Code::unsupported, text + " (the camera does not send by this transport: set another one)");
    default:
      return fail(Code::camera_unavailable, text);
  }
}

}  // namespace vedette::rtsp
