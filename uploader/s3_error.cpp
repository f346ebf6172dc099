#include "uploader/s3_error.h"

#include <algorithm>
#include <cctype>

namespace vedette {

namespace {

struct KnownCode {
  std::string_view name;
  Code code;
  std::string_view words;
};

// Amazon S3 API Reference, "Error responses"; and what Ceph RGW and OpenStack Swift answer instead.
constexpr KnownCode kKnown[] = {
    {"AccessDenied", Code::forbidden, "the store's policy does not allow it"},
    {"AuthorizationHeaderMalformed", Code::forbidden, "the region is not the bucket's"},
    {"BadDigest", Code::upload_failed, "the content does not have its SHA-256"},
    {"ExpiredToken", Code::forbidden, "the session token has expired"},
    {"InternalError", Code::busy, "the store has a problem"},
    {"InvalidAccessKeyId", Code::forbidden, "the access key id is unknown"},
    {"InvalidBucketName", Code::not_found, "the bucket's name is not valid"},
    {"InvalidRequest", Code::unsupported, "the store does not take such requests"},
    {"InvalidToken", Code::forbidden, "the session token is not valid"},
    {"MethodNotAllowed", Code::unsupported, "the endpoint takes no objects: is it that of a website?"},
    {"NoSuchBucket", Code::not_found, "the bucket does not exist"},
    {"OperationAborted", Code::busy, "another operation is under way"},
    {"PermanentRedirect", Code::forbidden, "the bucket belongs to another endpoint or region"},
    {"PreconditionFailed", Code::conflict, "an object with this key exists already"},
    {"QuotaExceeded", Code::no_space, "the quota is used up"},
    {"RequestTimeTooSkewed", Code::forbidden, "the clock is wrong"},
    {"RequestTimeout", Code::timed_out, "the store has waited too long for data"},
    {"ServiceUnavailable", Code::busy, "the store is not available"},
    {"SignatureDoesNotMatch", Code::forbidden, "the secret access key does not fit the access key id"},
    {"SlowDown", Code::busy, "the store asks for fewer requests"},
    {"TemporaryRedirect", Code::busy, "the bucket is being moved to another endpoint"},
    {"TokenRefreshRequired", Code::forbidden, "the session token has to be renewed"},
    {"XAmzContentSHA256Mismatch", Code::upload_failed, "the content does not have its SHA-256"},
};

// Without a known code; `named`: with one of S3 all the same.
Code code_of_status(int status, bool named) {
  switch (status) {
    case 401:
    case 402:
    case 403:
    case 407:
      return Code::forbidden;
    case 404:
      return Code::not_found;
    case 408:
    case 504:
      return Code::timed_out;
    case 412:
      return Code::conflict;
    case 413:  // of this object, not of others
    case 414:
    case 431:
      return Code::upload_failed;
    case 409:
    case 429:
      return Code::busy;
    case 501:
      return Code::unsupported;
    case 507:
      return Code::no_space;
    case 511:  // Network Authentication Required (RFC 6585): of a captive portal
      return Code::camera_unavailable;
    default:
      if (status / 100 == 5) return Code::busy;
      return named ? Code::upload_failed : Code::camera_unavailable;
  }
}

bool begins_with_page(std::string_view body) {
  const size_t begin = body.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return false;
  std::string start(body.substr(begin, 9));
  std::transform(start.begin(), start.end(), start.begin(), [](unsigned char c) { return std::tolower(c); });
  return start.starts_with("<html") || start == "<!doctype";
}

bool has_amazon_header(const HttpResponse& response) {
  const auto it = response.headers.lower_bound("x-amz-");
  return it != response.headers.end() && it->first.starts_with("x-amz-");
}

bool is_code_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
}

}  // namespace

std::string s3_error_code(std::string_view body) {
  constexpr std::string_view kOpen = "<Code>";
  const size_t begin = body.find(kOpen);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = body.substr(begin + kOpen.size());
  const std::string_view code = rest.substr(0, rest.find("</Code>"));
  constexpr size_t kLongest = 64;  // those of AWS stay below
  if (code.size() > kLongest || !std::all_of(code.begin(), code.end(), is_code_letter)) return {};
  return std::string(code);
}

bool is_of_no_store(const HttpResponse& response) {
  if (response.status / 100 == 3) return s3_error_code(response.body).empty() && !has_amazon_header(response);
  const bool is_what_a_gateway_says = response.status / 100 == 5 || response.status == 401 || response.status == 403 ||
                                      response.status == 407 || response.status == 408 || response.status == 413 ||
                                      response.status == 429;
  return !is_what_a_gateway_says && begins_with_page(response.body);
}

tl::unexpected<Error> no_store_error(std::string_view doing, const HttpResponse& response) {
  return fail(Code::camera_unavailable, std::string(doing) + ": HTTP " + std::to_string(response.status) +
                                            ", something else than the store answers (a portal, a proxy?)");
}

bool tells_of_the_endpoint(const Result<HttpResponse>& response) {
  if (!response) {
    const Code code = response.error().code;
    return code == Code::camera_unavailable || code == Code::timed_out || code == Code::forbidden;
  }
  return response->status / 100 == 5 && response->status != 501 && response->status != 507 &&
         s3_error_code(response->body) != "SlowDown";
}

tl::unexpected<Error> s3_error(std::string_view doing, const HttpResponse& response) {
  const std::string name = s3_error_code(response.body);
  std::string message = std::string(doing) + ": HTTP " + std::to_string(response.status);
  const auto* known = std::find_if(std::begin(kKnown), std::end(kKnown), [&](const auto& k) { return k.name == name; });
  if (!name.empty()) message += " " + name;
  if (known == std::end(kKnown)) {
    if (response.status / 100 == 3 && has_amazon_header(response))  // to HEAD, which has no body
      return fail(Code::forbidden, message + ", the bucket belongs to another endpoint or region");
    const Code code = code_of_status(response.status, !name.empty());
    if (code == Code::camera_unavailable) return no_store_error(doing, response);
    if (response.status == 407) message += ", the proxy wants a user and password (upload.proxy_username), or others";
    return fail(code, std::move(message));
  }
  return fail(known->code, message + ", " + std::string(known->words));
}

}  // namespace vedette
