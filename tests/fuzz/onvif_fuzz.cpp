// Answers of ONVIF cameras, events and searches included: each reader gives something of use, or an error that says
// why.
#include <cstdlib>
#include <string_view>

#include "core/text.h"
#include "sources/events/onvif_signs.h"
#include "sources/onvif/discovery_messages.h"
#include "sources/onvif/event_messages.h"
#include "sources/onvif/soap.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// The id that the seeds relate to.
constexpr const char* kId = "019aa053-2920-7a00-8000-000000000036";

void read_events(std::string_view answer) {
  using namespace vedette;
  static_cast<void>(onvif::read_renewed(answer));
  if (const auto made = onvif::read_subscription(answer)) {
    require(!made->address.empty() && made->address.size() <= 512);
    require(!made->left || *made->left > 0us);
    // What is given back must be elements of ours, one behind the other.
    require(made->parameters.empty() || made->parameters.starts_with("<p:"));
    require(made->parameters.size() <= 8 * 8 * 1024);
  }
  const auto pulled = onvif::read_pulled(answer);
  if (!pulled) return;
  OnvifSigns signs({{"VSC_1"}, {"VSC_2"}});
  for (const onvif::Notification& one : pulled->notifications) {
    require(one.source.size() <= onvif::Notification::kMostItems && one.data.size() <= onvif::Notification::kMostItems);
    if (const auto sign = signs.take(one)) require(is_vendor_type(sign->vendor_type) && sign->channel == 1);
  }
}

void read_cameras(std::string_view datagram) {
  for (const auto& camera : vedette::onvif::read_probe_matches(datagram, kId, "10.0.0.5")) {
    require(!camera.address.empty() && !camera.xaddrs.empty() && camera.url.starts_with("onvif://"));
    require(vedette::is_utf8(camera.name) && vedette::is_utf8(camera.hardware));
    require(camera.xaddrs.size() <= camera.kMostXaddrs && camera.scopes.size() <= camera.kMostScopes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vedette;
  const std::string_view answer(reinterpret_cast<const char*>(data), size);
  if (const auto time = onvif::read_time(answer)) require(to_rfc3339(*time).size() == 24);
  if (const auto uri = onvif::read_uri(answer)) require(!uri->empty());
  for (const auto& services : {onvif::read_services(answer), onvif::read_capabilities(answer)})
    require(services || !services.error().message.empty());
  read_events(answer);
  read_cameras(answer);
  if (const auto profiles = onvif::read_profiles(answer)) require(profiles->size() <= 256);
  require(onvif::escaped(answer).find('<') == std::string::npos);
  return 0;
}
