#include "sources/onvif/device.h"

#include <algorithm>

namespace vedette::onvif {

namespace {

constexpr const char* kDevicePath = "/onvif/device_service";

std::string target_of(const NetworkUrl& url) {
  return url.path + (url.query.empty() ? "" : "?" + url.query);
}

std::string text_of(const NetworkUrl& url) {
  return url.scheme + "://" + url.authority() + target_of(url);
}

Result<Profile> find_profile(const std::vector<Profile>& all, const std::string& wanted) {
  const auto found = std::find_if(all.begin(), all.end(), [&wanted](const Profile& one) {
    return wanted.empty() || one.token == wanted || one.name == wanted;
  });
  if (found == all.end()) return fail(Code::not_found, "ONVIF: the camera has no such profile");
  return *found;
}

}  // namespace

Device::Device(Options options, std::stop_token stop)
    : deadline_(options.deadline),
      stop_(std::move(stop)),
      soap_({std::move(options.url), std::move(options.username), std::move(options.password), options.tls,
             std::move(options.ca_file), std::move(options.before_wait)}) {}

Result<std::string> Device::ask(const std::string& target, std::string_view body, bool anonymous) {
  SoapClient::Ask ask;
  ask.target = target;
  ask.body = body;
  ask.limit = deadline_ - Clock::system().mono();
  ask.anonymous = anonymous;
  return soap_.ask(ask, stop_);
}

// GetServices is what ONVIF has now, GetCapabilities what the oldest cameras know only, and others answer better.
Result<Services> Device::find_services() {
  if (services_) return *services_;
  const auto time_answer = ask(kDevicePath, "<tds:GetSystemDateAndTime/>", true);
  if (!time_answer) return time_answer.error_as_is();
  // Some want a password for this too; then their clock is taken to be right.
  if (const auto time = read_time(*time_answer)) soap_.set_clock_offset(*time - Clock::system().utc());
  const auto answer =
      ask(kDevicePath, "<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>");
  if (!answer) return answer.error_as_is();
  auto services = read_services(*answer);
  if (!services && services.error().code == Code::forbidden) return services.error_as_is();
  if (!services || services->media.empty() || services->events.empty()) {
    const auto older = ask(kDevicePath, "<tds:GetCapabilities><tds:Category>All</tds:Category></tds:GetCapabilities>");
    if (!older && !services) return older.error_as_is();
    const Result<Services> capabilities = older ? read_capabilities(*older) : Result<Services>(older.error_as_is());
    if (!capabilities && !services) return capabilities.error_as_is();
    if (!services) services.emplace();
    if (capabilities && services->media.empty()) services->media = capabilities->media;
    if (capabilities && services->events.empty()) services->events = capabilities->events;
  }
  services_ = *services;
  return *services_;
}

Result<std::string> Device::media_target() {
  const auto services = find_services();
  if (!services) return services.error_as_is();
  if (services->media.empty()) return fail(Code::unsupported, "ONVIF: the camera has no media service");
  const auto url = parse_network_url(services->media);
  if (!url || url->path.empty()) return fail(Code::camera_unavailable, "ONVIF: the media service has no address");
  return target_of(*url);
}

Result<std::string> Device::event_address() {
  const auto services = find_services();
  if (!services) return services.error_as_is();
  if (services->events.empty()) return fail(Code::unsupported, "ONVIF: the camera has no event service");
  return services->events;
}

Result<std::vector<Profile>> Device::profiles() {
  const auto target = media_target();
  if (!target) return target.error_as_is();
  const auto answer = ask(*target, "<trt:GetProfiles/>");
  if (!answer) return answer.error_as_is();
  return read_profiles(*answer);
}

Result<VideoSources> Device::video_sources(const std::string& profile) {
  const auto all = profiles();
  if (!all) return all.error_as_is();
  const auto wanted = find_profile(*all, profile);
  if (!wanted) return wanted.error_as_is();
  VideoSources out;
  for (const std::string& token : {wanted->video_source_configuration, wanted->video_source})
    if (!token.empty()) out.own.push_back(token);
  const auto is_in = [](const std::vector<std::string>& tokens, const std::string& token) {
    return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
  };
  for (const Profile& other : *all)
    for (const std::string& token : {other.video_source_configuration, other.video_source})
      if (!token.empty() && !is_in(out.own, token) && !is_in(out.others, token)) out.others.push_back(token);
  return out;
}

Result<NetworkUrl> Device::uri_of(const std::string& profile, std::string_view before, std::string_view after) {
  const auto all = profiles();
  if (!all) return all.error_as_is();
  const auto wanted = find_profile(*all, profile);
  if (!wanted) return wanted.error_as_is();
  const auto target = media_target();
  if (!target) return target.error_as_is();
  const auto answer = ask(*target, std::string(before) + "<trt:ProfileToken>" + escaped(wanted->token) +
                                       "</trt:ProfileToken>" + std::string(after));
  if (!answer) return answer.error_as_is();
  const auto uri = read_uri(*answer);
  if (!uri) return uri.error_as_is();
  auto url = parse_network_url(*uri);
  if (!url) return url.error_with("ONVIF: what the camera names");
  url->host = soap_.options().url.host;
  return url;
}

Result<std::string> Device::stream_uri(const std::string& profile) {
  const auto url =
      uri_of(profile,
             "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP"
             "</tt:Protocol></tt:Transport></trt:StreamSetup>",
             "</trt:GetStreamUri>");
  if (!url) return url.error_as_is();
  return text_of(*url);
}

Result<std::string> Device::snapshot_uri(const std::string& profile) {
  auto url = uri_of(profile, "<trt:GetSnapshotUri>", "</trt:GetSnapshotUri>");
  if (!url) return url.error_as_is();
  if (soap_.options().tls) {
    url->scheme = "https";
    url->port = soap_.options().url.port;
  }
  return text_of(*url);
}

Result<DeviceInfo> Device::device_information() {
  if (auto found = find_services(); !found) return found.error_as_is();
  const auto answer = ask(kDevicePath, "<tds:GetDeviceInformation/>");
  return answer ? read_device_information(*answer) : answer.error_as_is();
}

}  // namespace vedette::onvif
