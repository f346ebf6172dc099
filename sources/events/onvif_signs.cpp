#include "sources/events/onvif_signs.h"

#include <algorithm>
#include <array>

#include "core/text.h"
#include "sources/rtsp/message.h"

namespace vedette {

namespace {

using onvif::Item;
using onvif::Notification;
using rtsp::equal_ignoring_case;

// By the beginning of a topic without its prefixes; the first that fits counts. The names are those of the ONVIF
// specifications (Imaging, Analytics), and of Axis (PIR, Tampering, VMD3, VMD4) and others (LineCross).
struct Known {
  std::string_view topic;
  CameraEventType type;
};
constexpr std::array kKnown = {
    Known{"VideoSource/MotionAlarm", CameraEventType::motion},
    Known{"VideoSource/GlobalSceneChange", CameraEventType::tampering},
    Known{"VideoSource/Tampering", CameraEventType::tampering},
    Known{"VideoSource/ImageToo", CameraEventType::other},
    Known{"VideoSource/SignalLoss", CameraEventType::other},
    Known{"VideoSource/ConnectionFailed", CameraEventType::other},
    Known{"RuleEngine/CellMotionDetector", CameraEventType::motion},
    Known{"RuleEngine/MotionRegionDetector", CameraEventType::motion},
    Known{"RuleEngine/MotionDetector", CameraEventType::motion},
    Known{"RuleEngine/VMD", CameraEventType::motion},
    Known{"RuleEngine/TamperDetector", CameraEventType::tampering},
    Known{"RuleEngine/LineDetector", CameraEventType::line_crossing},
    Known{"RuleEngine/LineCounter", CameraEventType::line_crossing},
    Known{"RuleEngine/LineCross", CameraEventType::line_crossing},
    Known{"RuleEngine/CrossLine", CameraEventType::line_crossing},
    Known{"RuleEngine/", CameraEventType::other},
    Known{"VideoAnalytics/Motion", CameraEventType::motion},
    Known{"VideoAnalytics/", CameraEventType::other},
    Known{"Device/Trigger/DigitalInput", CameraEventType::other},
    Known{"Device/Sensor/PIR", CameraEventType::motion},
};

// "tns1:VideoSource/tns1:MotionAlarm" -> "VideoSource/MotionAlarm"
std::string without_prefixes(std::string_view topic) {
  std::string out;
  for (const std::string_view part : split(topic, '/'))
    out.append(out.empty() ? "" : "/").append(part.substr(part.rfind(':') + 1));  // npos + 1 is 0
  return out;
}

// The names of the items that tell a video source, and of those that tell its configuration.
bool names_a_source(std::string_view name) {
  constexpr std::array kNames = {"VideoSourceConfigurationToken", "VideoSourceConfiguration", "VideoSourceToken",
                                 "VideoSource", "Source"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](std::string_view known) { return equal_ignoring_case(known, name); });
}

// A state is a boolean (xs:boolean has four words). "1" alone may as well be a number, unless the name says what it is.
std::optional<bool> state_of(const Item& item) {
  if (equal_ignoring_case(item.value, "true")) return true;
  if (equal_ignoring_case(item.value, "false")) return false;
  const bool named = equal_ignoring_case(item.name, "State") || equal_ignoring_case(item.name, "active") ||
                     equal_ignoring_case(item.name.substr(0, 2), "Is") ||
                     equal_ignoring_case(item.name, "LogicalState");
  if (!named || (item.value != "0" && item.value != "1")) return std::nullopt;
  return item.value == "1";
}

std::optional<bool> state_of(const Notification& notification) {
  for (const Item& item : notification.data)
    if (const auto state = state_of(item)) return state;
  return std::nullopt;
}

// What tells a state from others of its topic.
std::string state_key(const Notification& notification) {
  std::string key;
  for (const Item& item : notification.source) key.append(item.name).append("=").append(item.value).append("\n");
  return key;
}

}  // namespace

std::optional<CameraEventType> onvif_topic_type(std::string_view topic) {
  const std::string plain = without_prefixes(topic);
  for (const Known& known : kKnown)
    if (plain.starts_with(known.topic)) return known.type;
  return std::nullopt;
}

bool OnvifSigns::is_of_another_source(const Notification& notification) const {
  const auto holds = [](const std::vector<std::string>& tokens, const std::string& token) {
    return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
  };
  return std::any_of(notification.source.begin(), notification.source.end(), [&](const Item& item) {
    return names_a_source(item.name) && holds(sources_.others, item.value) && !holds(sources_.own, item.value);
  });
}

std::optional<CameraSign> OnvifSigns::take(const Notification& notification) {
  const auto type = onvif_topic_type(notification.topic);
  if (!type || !is_vendor_type(notification.topic) || is_of_another_source(notification)) return std::nullopt;
  CameraSign sign;
  sign.type = *type;
  sign.vendor_type = notification.topic;
  const bool deleted = notification.operation == Notification::Operation::deleted;
  const auto state = deleted ? std::optional(false) : state_of(notification);
  if (!state) {
    sign.what = CameraSign::What::pulse;
    // What is told at the beginning of a subscription happened before.
    if (notification.operation == Notification::Operation::initialized) return std::nullopt;
    return sign;
  }
  std::set<std::string>& states = active_[sign.vendor_type];
  if (*state && active_count_ < kMostActive) active_count_ += states.insert(state_key(notification)).second ? 1 : 0;
  if (!*state) active_count_ -= states.erase(state_key(notification));
  const bool goes_on = *state || !states.empty();
  if (states.empty()) active_.erase(sign.vendor_type);
  sign.what = goes_on ? CameraSign::What::active : CameraSign::What::inactive;
  return sign;
}

}  // namespace vedette
