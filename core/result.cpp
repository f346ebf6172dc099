#include "core/result.h"

#include <cerrno>
#include <system_error>

namespace vedette {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::ok:
      return "ok";
    case Code::invalid_json:
      return "invalid_json";
    case Code::payload_too_large:
      return "payload_too_large";
    case Code::unsupported_version:
      return "unsupported_version";
    case Code::unknown_verb:
      return "unknown_verb";
    case Code::invalid_argument:
      return "invalid_argument";
    case Code::retained_not_allowed:
      return "retained_not_allowed";
    case Code::expired:
      return "expired";
    case Code::duplicate_in_progress:
      return "duplicate_in_progress";
    case Code::forbidden:
      return "forbidden";
    case Code::not_found:
      return "not_found";
    case Code::already_exists:
      return "already_exists";
    case Code::conflict:
      return "conflict";
    case Code::camera_unavailable:
      return "camera_unavailable";
    case Code::out_of_buffer:
      return "out_of_buffer";
    case Code::unsupported:
      return "unsupported";
    case Code::busy:
      return "busy";
    case Code::rate_limited:
      return "rate_limited";
    case Code::no_space:
      return "no_space";
    case Code::upload_failed:
      return "upload_failed";
    case Code::timed_out:
      return "timed_out";
    case Code::cancelled:
      return "cancelled";
    case Code::internal:
      return "internal";
  }
  return "internal";
}

namespace {

Code code_of_errno(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return Code::no_space;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::forbidden;
    case ENOENT:
      return Code::not_found;
    case EEXIST:
      return Code::already_exists;
    default:
      return Code::internal;
  }
}

}  // namespace

tl::unexpected<Error> fail_errno(std::string_view doing) {
  return fail_errno(doing, errno);
}

tl::unexpected<Error> fail_errno(std::string_view doing, int error_number) {
  return fail(code_of_errno(error_number), std::string(doing) + ": " + std::generic_category().message(error_number));
}

}  // namespace vedette
