#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "uploader/grant_source.h"

namespace vedette {

// Whether the text is an origin: http(s)://host[:port], and nothing behind it.
bool is_origin(std::string_view text);

// An answer of the backend that cannot be used. It is not about its object: a backend that gives one gives others, and
// so it holds back all uploads (unsupported).
tl::unexpected<Error> unusable_grant(std::string_view why);

// What was granted comes from outside: whether it may be used. A URL must have one of the origins (none given: https),
// no credentials and no fragment; headers must not change how the request is framed. The error says what is wrong, and
// shows nothing of the URL but its origin.
Status check_granted(const GrantedUrl& granted, const std::vector<std::string>& origins);

}  // namespace vedette
