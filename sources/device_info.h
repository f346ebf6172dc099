#pragma once

#include <stop_token>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/result.h"
#include "sources/camera_http.h"

namespace vedette {

// What a camera says it is. Each is a line of UTF-8 without control characters, of kMostDeviceText bytes at most; empty
// where the camera does not say.
struct DeviceInfo {
  std::string maker;
  std::string model;
  std::string firmware;
  std::string serial;
  std::string name;
  friend bool operator==(const DeviceInfo&, const DeviceInfo&) = default;
};
inline constexpr size_t kMostDeviceText = 128;

// What a camera wrote as such a text; empty when it is no UTF-8.
std::string device_text(std::string_view written);

// Hikvision's /ISAPI/System/deviceInfo (XML). camera_unavailable: the answer is none, or says nothing.
Result<DeviceInfo> read_hik_device(std::string_view answer);
// A value of Dahua's magicBox.cgi, whose answers are lines of key=value; empty when it is not there.
std::string read_dahua_value(std::string_view answer, std::string_view key);

// Asks the camera, in its maker's way. What a camera does not tell beyond the first answer is left empty. Errors:
// forbidden, not_found, busy, camera_unavailable, timed_out, cancelled.
Result<DeviceInfo> ask_device_info(CameraHttp& camera, MonoTime deadline, const std::stop_token& stop);

}  // namespace vedette
