#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "net/http_client.h"
#include "sources/network_url.h"

namespace vedette::onvif {

// SoapClient puts requests to the services of one camera. It proves who asks in both ways that there are, HTTP Digest
// and WS-UsernameToken (made for the camera's own clock, once that is known). Whatever address a camera names for a
// service, it is asked at the host that was configured, and by TLS where that was. Used by one thread.
class SoapClient {
 public:
  struct Options {
    NetworkUrl url;  // host and port count
    std::string username;
    std::string password;
    bool tls = false;
    std::string ca_file{};                                // of TLS: whom to trust; empty: the system's
    std::function<Result<microseconds>()> before_wait{};  // as that of HttpBody; unset: nobody wants to know
  };
  struct Ask {
    std::string target;  // path and query
    std::string_view body;
    std::string_view header{};
    std::string_view action{};  // what it is about, in the words of WS-Addressing
    uint16_t port = 0;          // 0: the configured one
    microseconds limit{};
    bool anonymous = false;
    bool watched = true;  // before_wait is called
  };
  explicit SoapClient(Options options) : options_(std::move(options)) {}

  // The answer, of kMostAnswerBytes at most; it may be a fault. Errors: forbidden (user, password, or certificate),
  // not_found (no such service), camera_unavailable, timed_out, cancelled, payload_too_large, and what before_wait
  // says.
  Result<std::string> ask(const Ask& ask, const std::stop_token& stop);

  // What the camera's clock is ahead of ours.
  void set_clock_offset(microseconds offset) { clock_offset_ = offset; }
  const Options& options() const { return options_; }

 private:
  const Options options_;
  HttpClient http_;
  microseconds clock_offset_{0};
};

}  // namespace vedette::onvif
