#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "net/http_client.h"

namespace vedette {

// The <Code> of an S3 error body, "NoSuchBucket"; empty when there is none. Nothing else of the body is looked at:
// servers differ in what they leave out.
std::string s3_error_code(std::string_view body);

// An answer that is no success, in our codes and with words that say what to do. `doing` begins the message.
tl::unexpected<Error> s3_error(std::string_view doing, const HttpResponse& response);

}  // namespace vedette
