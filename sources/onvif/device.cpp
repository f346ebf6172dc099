#include "sources/onvif/device.h"

#include <algorithm>

namespace vedette::onvif {

namespace {

constexpr const char* kDevicePath = "/onvif/device_service";

}  // namespace

Result<std::string> Device::ask(const std::string& path, std::string_view body, bool anonymous) {
  const microseconds left = options_.deadline - Clock::system().mono();
  if (left <= 0us) return fail(Code::timed_out, "ONVIF: no answer in time");
  HttpRequest request;
  request.method = "POST";
  request.url = "http://" + options_.url.authority() + path;
  request.headers = {{"Content-Type", "application/soap+xml; charset=utf-8"}};
  request.connect_timeout = request.stall_timeout = request.total_timeout = left;
  request.most_response_bytes = kMostAnswerBytes;
  if (!anonymous) {
    request.username = options_.username;
    request.password = options_.password;
  }
  request.body = onvif::request(body, request.username, request.password, Clock::system().utc() + clock_offset_);
  auto response = http_.perform(request, stop_);
  if (!response) return response.error_with("ONVIF");
  if (response->status == 401 || response->status == 403)
    return fail(Code::forbidden, "ONVIF: " + std::to_string(response->status) + " (user name or password)");
  if (response->status == 404) return fail(Code::not_found, "ONVIF: 404 (no such service)");
  return std::move(response->body);  // 400 and 500 come with a fault, which says more
}

Status Device::find_services() {
  if (!media_path_.empty()) return {};
  const auto time_answer = ask(kDevicePath, "<tds:GetSystemDateAndTime/>", true);
  if (!time_answer) return time_answer.error_as_is();
  // Some want a password for this too; then their clock is taken to be right.
  if (const auto time = read_time(*time_answer)) clock_offset_ = *time - Clock::system().utc();
  const auto answer = ask(kDevicePath, "<tds:GetCapabilities><tds:Category>All</tds:Category></tds:GetCapabilities>");
  if (!answer) return answer.error_as_is();
  const auto address = read_media_address(*answer);
  if (!address) return address.error_as_is();
  const auto url = parse_network_url(*address);
  if (!url || url->path.empty()) return fail(Code::camera_unavailable, "ONVIF: the media service has no address");
  media_path_ = url->path + (url->query.empty() ? "" : "?" + url->query);
  return {};
}

Result<std::string> Device::uri_of(const std::string& profile, std::string_view before, std::string_view after) {
  if (auto found = find_services(); !found) return found.error_as_is();
  const auto answer = ask(media_path_, "<trt:GetProfiles/>");
  if (!answer) return answer.error_as_is();
  const auto profiles = read_profiles(*answer);
  if (!profiles) return profiles.error_as_is();
  const auto wanted = std::find_if(profiles->begin(), profiles->end(), [&profile](const Profile& one) {
    return profile.empty() || one.token == profile || one.name == profile;
  });
  if (wanted == profiles->end()) return fail(Code::not_found, "ONVIF: the camera has no such profile");
  const auto uri_answer = ask(media_path_, std::string(before) + "<trt:ProfileToken>" + escaped(wanted->token) +
                                               "</trt:ProfileToken>" + std::string(after));
  if (!uri_answer) return uri_answer.error_as_is();
  const auto uri = read_uri(*uri_answer);
  if (!uri) return uri.error_as_is();
  auto url = parse_network_url(*uri);
  if (!url) return url.error_with("ONVIF: what the camera names");
  url->host = options_.url.host;
  return url->scheme + "://" + url->authority() + url->path + (url->query.empty() ? "" : "?" + url->query);
}

Result<std::string> Device::stream_uri(const std::string& profile) {
  return uri_of(profile,
                "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP"
                "</tt:Protocol></tt:Transport></trt:StreamSetup>",
                "</trt:GetStreamUri>");
}

Result<std::string> Device::snapshot_uri(const std::string& profile) {
  return uri_of(profile, "<trt:GetSnapshotUri>", "</trt:GetSnapshotUri>");
}

Result<DeviceInfo> Device::device_information() {
  if (auto found = find_services(); !found) return found.error_as_is();
  const auto answer = ask(kDevicePath, "<tds:GetDeviceInformation/>");
  return answer ? read_device_information(*answer) : answer.error_as_is();
}

}  // namespace vedette::onvif
