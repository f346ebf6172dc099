#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "net/http_multi.h"
#include "uploader/later.h"
#include "uploader/s3_config.h"
#include "uploader/sigv4.h"

namespace vedette {

struct S3Request {
  std::string method;
  std::string key;  // of the object, not encoded; empty: the bucket itself
  std::vector<std::pair<std::string, std::string>> query{};
  std::vector<std::pair<std::string, std::string>> headers{};           // signed
  std::vector<std::pair<std::string, std::string>> unsigned_headers{};  // which a proxy on the way may change
  std::string payload_sha256{};                                         // of the file; that of `body` is known
  std::string body{};                                                   // or:
  int body_fd = -1;
  int64_t body_offset = 0;
  int64_t body_bytes = 0;
};

class S3Call;

// S3Client sends signed requests about the objects of one bucket, each signed when it is sent, with the credentials of
// that instant. When the server finds our clock wrong (15 minutes are allowed), its own time is used for signing until
// our clock is right, and the request sent once more; so it is when credentials are refused and there are others.
//
// One thread makes requests and runs `http` and `later`, which outlive it; presign() and behind_store() may be called
// from any.
class S3Client {
 public:
  using Done = std::function<void(HttpOutcome)>;

  S3Client(S3Config config, std::shared_ptr<CredentialsSource> credentials, S3Timeouts timeouts, const Clock& clock,
           HttpMulti& http, Later& later);

  // `done` comes later, from the loop, unless the call is destroyed before. Any HTTP status is an answer; errors are
  // those of HttpClient and of the credentials, invalid_argument for a bad endpoint, and camera_unavailable when
  // something else than a store answers: then nothing of the body has arrived.
  std::unique_ptr<S3Call> start(S3Request request, Done done);
  Result<std::string> presign(const std::string& key, seconds valid) const;

  // By the store's clock, where that has refused ours.
  UtcTime signing_time() const { return clock_.utc() + behind_store(); }
  // How far our clock is behind the store's (before it, if negative), when that has refused it and it was not set
  // since.
  microseconds behind_store() const;
  bool is_encrypted() const { return scheme_ == "https://"; }
  // How many connections were made, for all requests.
  int64_t connections() const { return connections_; }
  // Whether what came of the last request tells that the endpoint cannot be used, whatever is asked (s3_error.h).
  bool is_unusable() const { return is_unusable_; }

 private:
  friend class S3Call;
  SigningRequest signing_request(const std::string& method, const std::string& key) const;
  HttpRequest http_request(const S3Request& request, const S3Credentials& credentials) const;
  bool follow_clock_of(const HttpResponse& response);

  const S3Config config_;
  const std::shared_ptr<CredentialsSource> credentials_;
  const S3Timeouts timeouts_;
  const Clock& clock_;
  HttpMulti& http_;
  Later& later_;
  Status endpoint_status_;
  std::string scheme_;  // "https://"
  std::string host_;    // with :port unless the default one
  static constexpr int64_t kNotRefused = INT64_MIN;
  std::atomic<int64_t> store_clock_us_{kNotRefused};  // what it showed when mono() was 0
  int64_t connections_ = 0;
  bool is_unusable_ = false;
};

// One request and its second try; to destroy it cuts it off.
class S3Call {
 public:
  S3Call(S3Client& client, S3Request request, S3Client::Done done);
  ~S3Call();
  S3Call(const S3Call&) = delete;
  S3Call& operator=(const S3Call&) = delete;

  // Of the body.
  int64_t sent_bytes() const { return client_.http_.sent_bytes(id_); }

 private:
  void send();
  void answered(HttpOutcome outcome);
  void note(HttpOutcome& outcome);
  bool is_worth_another(const HttpResponse& response);

  S3Client& client_;
  const S3Request request_;
  S3Client::Done done_;
  S3Credentials used_;
  HttpMulti::Id id_ = 0;
  bool second_ = false;
};

}  // namespace vedette
