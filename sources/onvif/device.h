#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "net/http_client.h"
#include "sources/network_url.h"
#include "sources/onvif/soap.h"

namespace vedette::onvif {

// Device asks one camera about its streams, over HTTP. It proves who asks in both ways that there are, HTTP Digest and
// WS-UsernameToken (made for the camera's own clock, whatever that shows). Addresses that come back keep the host that
// was configured: a camera behind a router names the one it knows. Used by one thread.
//
// Errors: forbidden (user or password), not_found (no such profile), camera_unavailable, timed_out, cancelled.
class Device {
 public:
  struct Options {
    NetworkUrl url;  // host and port count
    std::string username;
    std::string password;
    MonoTime deadline;  // for all that is asked
  };
  Device(Options options, std::stop_token stop) : options_(std::move(options)), stop_(std::move(stop)) {}

  // Of the profile with this token or name; of the first, when it is empty.
  Result<std::string> stream_uri(const std::string& profile);
  Result<std::string> snapshot_uri(const std::string& profile);
  Result<DeviceInfo> device_information();

 private:
  Result<std::string> ask(const std::string& path, std::string_view body, bool anonymous = false);
  Result<std::string> uri_of(const std::string& profile, std::string_view before, std::string_view after);
  Status find_services();

  const Options options_;
  const std::stop_token stop_;
  HttpClient http_;
  microseconds clock_offset_{0};  // the camera's clock minus ours
  std::string media_path_;        // empty: not asked for yet
};

}  // namespace vedette::onvif
