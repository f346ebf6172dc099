#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "uploader/grant_source.h"

namespace vedette {

// Whether the text is an origin: http(s)://host[:port], and nothing behind it.
bool is_origin(std::string_view text);

// What was granted comes from outside: whether it may be used. A URL must have one of the origins (none given: https),
// no credentials and no fragment; headers must not change how the request is framed. upload_failed says what is wrong,
// and shows nothing of the URL but its origin.
Status check_granted(const GrantedUrl& granted, const std::vector<std::string>& origins);

}  // namespace vedette
