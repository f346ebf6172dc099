#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/result.h"

namespace vedette {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // encoded by the caller, used as it is
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // or, instead:
  int body_fd = -1;  // a file that outlives the call, read from body_offset
  int64_t body_offset = 0;
  int64_t body_bytes = 0;
  std::string username;  // HTTP Digest or Basic, as the server asks
  std::string password;
  std::string ca_file;  // empty: the system's
  std::string proxy;    // http://[user:password@]host[:port]; empty: that of the environment, if any
  microseconds connect_timeout = 10s;
  microseconds stall_timeout = 30s;  // no byte in either direction for so long: timed_out
  microseconds total_timeout = 1h;   // 0: none
  size_t most_response_bytes = 1024 * 1024;
  bool resolve_again = false;  // the name, whatever was known of it

  // What this side shows of itself (PEM); empty: nothing.
  std::string cert_file, key_file;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  int64_t sent_bytes = 0;       // of the body
  bool new_connection = false;  // one was made for it
  std::optional<std::string> header(const std::string& lower_case_name) const;
};

// HttpBody takes the body of an answer while it comes, for those that never end. Called in the thread that asked; an
// error ends the request and is what comes back.
class HttpBody {
 public:
  virtual ~HttpBody() = default;
  // Of an answer with a 2xx status, once and before its body.
  virtual Status begin(const HttpResponse& head) = 0;
  virtual Status take(std::string_view bytes) = 0;
  // Called before each wait, from the beginning of the request on: how long that may take at most.
  virtual Result<microseconds> before_wait() = 0;
};

// HttpClient makes one request after the other, keeping connections open in between. Used by one thread; the stop token
// ends a request at once. TLS is verified, always. Redirects are not followed.
//
// Errors are those of getting no answer: camera_unavailable (not reached, name unknown, connection lost), timed_out,
// forbidden (TLS: certificate not trusted, wrong name; ours not taken), cancelled, payload_too_large (response),
// internal. Any HTTP status is an answer, not an error.
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();

  Result<HttpResponse> perform(const HttpRequest& request, const std::stop_token& stop);
  // The same, but the body of a 2xx answer, of any length, goes to `body` as it comes.
  Result<HttpResponse> stream(const HttpRequest& request, HttpBody& body, const std::stop_token& stop);

 private:
  Result<HttpResponse> carry_out(const HttpRequest& request, HttpBody* body, const std::stop_token& stop);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vedette
