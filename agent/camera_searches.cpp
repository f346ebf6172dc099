#include "agent/camera_searches.h"

#include <nlohmann/json.hpp>

namespace vedette {

using messages::Answer;

namespace {

constexpr size_t kMostWaiting = 2;

}  // namespace

Json discovery_report(const onvif::Discovered& found) {
  Json cameras = Json::array();
  for (const onvif::FoundCamera& one : found.cameras) {
    Json camera = {{"url", one.url}, {"address", one.address}, {"xaddrs", one.xaddrs}, {"scopes", one.scopes}};
    if (!one.name.empty()) camera["name"] = one.name;
    if (!one.hardware.empty()) camera["hardware"] = one.hardware;
    if (one.tls) camera["http_tls"] = true;
    cameras.push_back(std::move(camera));
  }
  return {{"cameras", std::move(cameras)}, {"truncated", found.truncated}};
}

CameraSearches::CameraSearches(Inbox<Event>& inbox) : inbox_(inbox), jobs_("searches", kMostWaiting) {}

Answer CameraSearches::search(const ReplyTo& to, const CameraDiscover& request) {
  const auto search = [this, to, request](const std::stop_token& stop) {
    const auto found = onvif::discover(request.timeout, request.address, stop);
    const bool whole = found && !stop.stop_requested();
    inbox_.push(CommandDone{to, whole   ? messages::succeeded(discovery_report(*found))
                                : found ? messages::given_up(discovery_report(*found))
                                        : messages::failed(found.error())});
  };
  const bool queued = jobs_.submit(search, {to.command_id, [this, to] {
                                              inbox_.push(CommandDone{to, messages::given_up(nullptr)});
                                            }});
  return queued ? messages::accepted() : messages::rejected({Code::busy, "too many searches are waiting; try again"});
}

}  // namespace vedette
