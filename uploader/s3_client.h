#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "net/http_client.h"
#include "uploader/sigv4.h"
#include "uploader/target.h"

namespace vedette {

struct S3Timeouts {
  microseconds connect = 10s;
  microseconds stall = 30s;
  microseconds answer = 60s;  // a request without a body, as a whole
  microseconds upload = 24h;  // one with: the stall is what ends it
};

struct S3Request {
  std::string method;
  std::string key;  // of the object, not encoded
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;           // signed
  std::vector<std::pair<std::string, std::string>> unsigned_headers;  // which a proxy on the way may change
  std::string payload_sha256;                                         // empty: that of no body
  int body_fd = -1;
  int64_t body_bytes = 0;
};

// S3Client sends signed requests about the objects of one bucket, each signed when it is sent. When the server finds
// our clock wrong (15 minutes are allowed), its own time is used for signing from then on, and the request sent once
// more. One thread makes requests; presign() may be called from any.
class S3Client {
 public:
  S3Client(S3Config config, S3Timeouts timeouts, const Clock& clock);

  // Any HTTP status is an answer; errors are those of HttpClient, and invalid_argument for a bad endpoint.
  Result<HttpResponse> perform(const S3Request& request, const std::stop_token& stop);
  Result<std::string> presign(const std::string& key, seconds valid) const;

 private:
  Result<HttpResponse> send(const S3Request& request, const std::stop_token& stop);
  SigningRequest signing_request(const std::string& method, const std::string& key) const;
  bool follow_clock_of(const HttpResponse& response);
  UtcTime signing_time() const { return clock_.utc() + microseconds(clock_offset_us_); }

  const S3Config config_;
  const S3Timeouts timeouts_;
  const Clock& clock_;
  const SigV4 signer_;
  Status endpoint_status_;
  std::string scheme_;  // "https://"
  std::string host_;    // with :port unless the default one
  std::atomic<int64_t> clock_offset_us_{0};
  HttpClient http_;
};

}  // namespace vedette
