#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "uploader/credentials.h"

namespace vedette {

// What is signed of a request. `path` and the query names and values are given as they are, not encoded; the signer
// encodes them the way S3 canonicalises them, and encoded_target() is what must go over the wire.
struct SigningRequest {
  std::string method;
  std::string host;  // with :port unless the default one
  std::string path;  // "/bucket/key"
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;  // besides host: x-amz-*, content-type
  std::string payload_sha256;                                // hex, or "UNSIGNED-PAYLOAD"
};

// AWS Signature Version 4 for one region and service, pure computing (libcrypto): no clock, no network. The published
// vectors of AWS are its tests. Thread-safe.
class SigV4 {
 public:
  SigV4(S3Credentials credentials, std::string region, std::string service = "s3");

  // All headers to send, in the order to send them: those given, x-amz-date, x-amz-content-sha256, the session token
  // when there is one, and Authorization.
  std::vector<std::pair<std::string, std::string>> sign(const SigningRequest& request, UtcTime now) const;
  // The target ("/bucket/key?X-Amz-...") of a URL that works for `valid` (at most 7 days) without any header but host.
  std::string presign(const SigningRequest& request, UtcTime now, seconds valid) const;

  static std::string encoded_target(const SigningRequest& request);

 private:
  S3Credentials credentials_;
  std::string region_;
  std::string service_;
};

}  // namespace vedette
