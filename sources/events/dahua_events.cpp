#include "sources/events/dahua_events.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"
#include "sources/rtsp/message.h"

namespace vedette {

namespace {

using rtsp::trimmed;

constexpr int kMostIndex = 998;

CameraEventType type_of(std::string_view code) {
  if (code == "VideoMotion" || code == "SmartMotionHuman" || code == "SmartMotionVehicle")
    return CameraEventType::motion;
  if (code == "CrossLineDetection") return CameraEventType::line_crossing;
  if (code == "VideoBlind" || code == "SceneChange") return CameraEventType::tampering;
  return CameraEventType::other;
}

std::optional<CameraSign::What> what_of(std::string_view action) {
  if (action == "Start") return CameraSign::What::active;
  if (action == "Stop") return CameraSign::What::inactive;
  if (action == "Pulse") return CameraSign::What::pulse;
  return std::nullopt;
}

}  // namespace

std::optional<CameraSign> read_dahua_event(std::string_view part) {
  part = part.substr(0, part.find(";data="));  // JSON, with ';' of its own
  std::optional<CameraSign::What> what;
  CameraSign sign;
  for (const std::string_view field : split(part, ';')) {
    const size_t equals = std::min(field.find('='), field.size());
    const std::string_view name = trimmed(field.substr(0, equals));
    std::string_view value = field.substr(std::min(equals + 1, field.size()));
    value = trimmed(value.substr(0, value.find('\n')));
    if (name == "Code") sign.vendor_type = value;
    if (name == "action") what = what_of(value);
    if (name != "index") continue;
    int index = -1;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), index);
    if (error != std::errc() || end != value.data() + value.size() || index < 0 || index > kMostIndex)
      return std::nullopt;
    sign.channel = index + 1;
  }
  if (!what || !is_vendor_type(sign.vendor_type)) return std::nullopt;
  sign.type = type_of(sign.vendor_type);
  sign.what = *what;
  return sign;
}

}  // namespace vedette
