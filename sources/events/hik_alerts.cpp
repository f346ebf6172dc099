#include "sources/events/hik_alerts.h"

#include "sources/rtsp/message.h"
#include "sources/xml_nodes.h"

namespace vedette {

namespace {

using rtsp::equal_ignoring_case;

constexpr int kMostChannels = 999;

// Firmware does not agree with itself about upper and lower case.
CameraEventType type_of(std::string_view word) {
  struct Known {
    std::string_view word;
    CameraEventType type;
  };
  constexpr Known kKnown[] = {{"VMD", CameraEventType::motion},
                              {"PIR", CameraEventType::motion},
                              {"linedetection", CameraEventType::line_crossing},
                              {"shelteralarm", CameraEventType::tampering},
                              {"tamperdetection", CameraEventType::tampering},
                              {"scenechangedetection", CameraEventType::tampering}};
  for (const Known& known : kKnown)
    if (equal_ignoring_case(known.word, word)) return known.type;
  return CameraEventType::other;
}

}  // namespace

std::optional<CameraSign> read_hik_alert(std::string_view part) {
  pugi::xml_document document;
  if (!document.load_buffer(part.data(), part.size())) return std::nullopt;
  const pugi::xml_node alert = xml::find(document, "EventNotificationAlert");
  CameraSign sign;
  sign.vendor_type = xml::text_of(xml::find(alert, "eventType"));
  if (!is_vendor_type(sign.vendor_type)) return std::nullopt;
  sign.type = type_of(sign.vendor_type);
  const std::string state = xml::text_of(xml::find(alert, "eventState"));
  if (!equal_ignoring_case(state, "active") && !equal_ignoring_case(state, "inactive")) return std::nullopt;
  sign.what = equal_ignoring_case(state, "active") ? CameraSign::What::active : CameraSign::What::inactive;
  // Recorders count their network channels by themselves.
  pugi::xml_node channel = xml::find(alert, "channelID");
  if (!channel) channel = xml::find(alert, "dynChannelID");
  sign.channel = channel.text().as_int(1);
  if (sign.channel < 1 || sign.channel > kMostChannels) return std::nullopt;
  return sign;
}

}  // namespace vedette
