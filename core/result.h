#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace vedette {

// Code says what went wrong in the words of the contract: each maps one to one to the `code` of a reply
// (code_name). The door of a C library maps that library's own codes to these, once.
enum class Code {
  ok,
  invalid_json,
  payload_too_large,
  unsupported_version,
  unknown_verb,
  invalid_argument,
  retained_not_allowed,
  expired,
  duplicate_in_progress,
  forbidden,
  not_found,
  already_exists,
  conflict,
  camera_unavailable,
  out_of_buffer,
  unsupported,
  busy,
  rate_limited,
  no_space,
  upload_failed,
  timed_out,
  cancelled,
  internal,
};

std::string_view code_name(Code code);

struct Error {
  Code code = Code::internal;
  std::string message;
};

// Result<T> is a T or an Error; Status is success or an Error. Both must be looked at. A failure is handled, or
// returned with context; it is logged once, where it is handled.
//
//   auto file = open_file(path);
//   if (!file) return file.error_with("catalog");
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;

  // The error, for returning from a function with another result type, prefixed by what was being done.
  tl::unexpected<Error> error_with(std::string_view context) const {
    return tl::make_unexpected(Error{this->error().code, std::string(context) + ": " + this->error().message});
  }
  tl::unexpected<Error> error_as_is() const { return tl::make_unexpected(this->error()); }

  // The same result; an error gets the context in front.
  Result with(std::string_view context) && {
    if (!*this) this->error().message.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
};

using Status = Result<void>;

inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::make_unexpected(Error{code, std::move(message)});
}

// An Error from errno, in words: fail_errno("open /x/y") -> no_space for ENOSPC and EDQUOT, forbidden for EACCES,
// EPERM and EROFS, not_found for ENOENT, already_exists for EEXIST, internal otherwise.
tl::unexpected<Error> fail_errno(std::string_view doing);
tl::unexpected<Error> fail_errno(std::string_view doing, int error_number);

}  // namespace vedette
