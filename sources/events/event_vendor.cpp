#include "sources/events/event_vendor.h"

#include <algorithm>
#include <string>

#include "sources/events/dahua_events.h"
#include "sources/events/hik_alerts.h"

namespace vedette {

namespace {

constexpr EventVendor kVendors[] = {
    {"hik", "/ISAPI/Event/notification/alertStream", read_hik_alert, true},
    // By name, as [All] brings what has nothing to do with the picture; a heartbeat every 5 s.
    {"dahua",
     "/cgi-bin/eventManager.cgi?action=attach&codes=[VideoMotion,SmartMotionHuman,SmartMotionVehicle,"
     "CrossLineDetection,CrossRegionDetection,VideoBlind,SceneChange,VideoLoss]&heartbeat=5",
     read_dahua_event, false}};

}  // namespace

Result<EventVendor> event_vendor(std::string_view url) {
  const std::string_view scheme = url.substr(0, std::min(url.find("://"), url.size()));
  const bool whole = scheme.size() < url.size();
  std::string known;
  for (const EventVendor& vendor : kVendors) {
    if (whole && vendor.scheme == scheme) return vendor;
    known.append(known.empty() ? "" : " and ").append(vendor.scheme).append("://");
  }
  return fail(Code::unsupported, "events are read of " + known + " cameras only");
}

}  // namespace vedette
