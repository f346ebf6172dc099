#pragma once

#include <string>
#include <string_view>

#include "core/result.h"
#include "net/http_client.h"

namespace vedette {

// The <Code> of an S3 error body, "NoSuchBucket"; empty when there is none. Nothing else of the body is looked at:
// servers differ in what they leave out.
std::string s3_error_code(std::string_view body);

// Whether something else than an S3 store answers, as a captive portal does, a web server or a proxy: a redirect that
// names nothing of S3, or a page. Of those that stand before a store and say that it is away, it says no.
bool is_of_no_store(const HttpResponse& response);
// For that: camera_unavailable, as the store is not reached.
tl::unexpected<Error> no_store_error(std::string_view doing, const HttpResponse& response);

// Whether what came of a request is about who was asked, and another endpoint of the same store may do better: nothing
// was reached there (or something else than a store), its certificate is not trusted, or HTTP 5xx. Not SlowDown, which
// asks for less, nor what a store says of what it cannot do or has no room for (501, 507).
bool tells_of_the_endpoint(const Result<HttpResponse>& response);

// An answer that is no success, in our codes and with words that say what to do. `doing` begins the message.
tl::unexpected<Error> s3_error(std::string_view doing, const HttpResponse& response);

}  // namespace vedette
