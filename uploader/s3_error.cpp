#include "uploader/s3_error.h"

#include <algorithm>

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
    {"InvalidToken", Code::forbidden, "the session token is not valid"},
    {"NoSuchBucket", Code::not_found, "the bucket does not exist"},
    {"OperationAborted", Code::busy, "another operation is under way"},
    {"PermanentRedirect", Code::upload_failed, "the bucket belongs to another endpoint or region"},
    {"PreconditionFailed", Code::conflict, "an object with this key exists already"},
    {"QuotaExceeded", Code::no_space, "the quota is used up"},
    {"RequestTimeTooSkewed", Code::forbidden, "the clock is wrong"},
    {"RequestTimeout", Code::timed_out, "the store has waited too long for data"},
    {"ServiceUnavailable", Code::busy, "the store is not available"},
    {"SignatureDoesNotMatch", Code::forbidden, "the secret access key does not fit the access key id"},
    {"SlowDown", Code::busy, "the store asks for fewer requests"},
    {"TokenRefreshRequired", Code::forbidden, "the session token has to be renewed"},
    {"XAmzContentSHA256Mismatch", Code::upload_failed, "the content does not have its SHA-256"},
};

Code code_of_status(int status) {
  switch (status) {
    case 401:
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
    case 409:
    case 429:
    case 500:
    case 502:
    case 503:
      return Code::busy;
    case 501:
      return Code::unsupported;
    case 507:
      return Code::no_space;
    default:
      return Code::upload_failed;
  }
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

tl::unexpected<Error> s3_error(std::string_view doing, const HttpResponse& response) {
  const std::string name = s3_error_code(response.body);
  std::string message = std::string(doing) + ": HTTP " + std::to_string(response.status);
  const auto* known = std::find_if(std::begin(kKnown), std::end(kKnown), [&](const auto& k) { return k.name == name; });
  if (!name.empty()) message += " " + name;
  if (known == std::end(kKnown)) return fail(code_of_status(response.status), std::move(message));
  return fail(known->code, message + ", " + std::string(known->words));
}

}  // namespace vedette
