#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/result.h"
#include "sources/device_info.h"

// The SOAP 1.2 messages of ONVIF that are needed to find a camera's services and streams. Elements are told by their
// local names, whatever prefix a camera gives them. Answers are what a camera wrote: they may be anything, of
// kMostAnswerBytes at most.
namespace vedette::onvif {

inline constexpr size_t kMostAnswerBytes = 256 * 1024;

struct Profile {
  std::string token;
  std::string name;
  std::string video_source_configuration;  // tokens of what it shows; empty: not told
  std::string video_source;
};

// Where a camera's services are, as it names them; empty: it has none.
struct Services {
  std::string media;
  std::string events;
};

// A request; `header` is what stands in its header besides. With a user, it has a WS-UsernameToken (PasswordDigest: of
// a fresh nonce, `created` and the password), which cameras accept within some seconds of their own clock.
std::string request(std::string_view body, std::string_view username, std::string_view password, UtcTime created,
                    std::string_view header = {});

// What answers say. camera_unavailable: this is no such answer; forbidden and others: the fault that it tells.
Result<UtcTime> read_time(std::string_view answer);
Result<Services> read_services(std::string_view answer);      // of GetServices
Result<Services> read_capabilities(std::string_view answer);  // of GetCapabilities, the older way
Result<std::vector<Profile>> read_profiles(std::string_view answer);
Result<std::string> read_uri(std::string_view answer);                // of GetStreamUri, GetSnapshotUri
Result<DeviceInfo> read_device_information(std::string_view answer);  // which has no name

// A text as it stands in an element.
std::string escaped(std::string_view text);

}  // namespace vedette::onvif
