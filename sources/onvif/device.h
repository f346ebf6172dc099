#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "sources/network_url.h"
#include "sources/onvif/soap.h"
#include "sources/onvif/soap_client.h"

namespace vedette::onvif {

// The tokens of the video sources that a camera shows: those of one profile, and those that only others show.
struct VideoSources {
  std::vector<std::string> own;
  std::vector<std::string> others;
};

// Device asks one camera about its services and streams, over HTTP or HTTPS (soap_client.h). Addresses that come back
// keep the host that was configured: a camera behind a router names the one it knows. Used by one thread.
//
// Errors: forbidden (user, password or certificate), not_found (no such profile), unsupported (no such service),
// camera_unavailable, timed_out, cancelled.
class Device {
 public:
  struct Options {
    NetworkUrl url;  // host and port count
    std::string username;
    std::string password;
    MonoTime deadline;  // for all that is asked
    bool tls = false;   // HTTPS, its certificate verified
    std::string ca_file{};
    std::function<Result<microseconds>()> before_wait{};  // see SoapClient
  };
  Device(Options options, std::stop_token stop);

  // Of the profile with this token or name; of the first, when it is empty.
  Result<std::string> stream_uri(const std::string& profile);
  // With TLS it is one of https at the configured port, whatever the camera says.
  Result<std::string> snapshot_uri(const std::string& profile);
  Result<DeviceInfo> device_information();
  Result<VideoSources> video_sources(const std::string& profile);

  // The address of the event service, as the camera names it.
  Result<std::string> event_address();
  // With the camera's clock, once something was asked.
  SoapClient& soap() { return soap_; }

 private:
  Result<std::string> ask(const std::string& target, std::string_view body, bool anonymous = false);
  Result<NetworkUrl> uri_of(const std::string& profile, std::string_view before, std::string_view after);
  Result<std::vector<Profile>> profiles();
  Result<Services> find_services();
  Result<std::string> media_target();

  const MonoTime deadline_;
  const std::stop_token stop_;
  SoapClient soap_;
  std::optional<Services> services_;  // once asked for
};

}  // namespace vedette::onvif
