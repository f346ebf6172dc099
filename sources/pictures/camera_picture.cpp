#include "sources/pictures/camera_picture.h"

#include "sources/onvif/device.h"

namespace vedette {

namespace {

constexpr std::string_view kBegin = "\xff\xd8\xff";
constexpr std::string_view kEnd = "\xff\xd9";

bool is_good(const Result<HttpResponse>& answer) {
  return answer && answer->status / 100 == 2;
}

// What a recorder says of a channel that it has under the other path: 400 (badXmlContent), 403 (notSupport) or 404.
bool is_elsewhere(const Result<HttpResponse>& answer) {
  return answer && (answer->status == 400 || answer->status == 403 || answer->status == 404);
}

}  // namespace

Result<CameraPicture> CameraPicture::of(const CameraHttpConfig& config, std::shared_ptr<CameraAccount> account) {
  if (!has_camera_http(config.url))
    return fail(Code::unsupported, "only hik://, dahua:// and onvif:// cameras are asked for a picture of their own");
  auto http = CameraHttp::of(config);
  if (!http) return http.error_as_is();
  return CameraPicture(std::move(*http), std::move(account));
}

Result<std::string> CameraPicture::fetch(MonoTime deadline, const std::stop_token& stop) {
  if (!account_->may_be_tried(Clock::system().mono()))
    return fail(Code::forbidden, "the camera refused the password less than a minute ago, and is not asked again yet");
  auto answer = ask(deadline, stop);
  if (answer ? answer->status == 401 : answer.error().code == Code::forbidden)
    account_->refused(Clock::system().mono());
  if (!answer) return answer.error_as_is();
  if (!is_good(answer)) return tl::make_unexpected(error_of_answer(answer->status));
  std::string& body = answer->body;
  if (!body.starts_with(kBegin)) return fail(Code::camera_unavailable, "what the camera sends is no JPEG");
  // Bytes behind the end do no harm; a thumbnail has an end too, which is found out in decoding.
  if (body.rfind(kEnd) == std::string::npos)
    return fail(Code::camera_unavailable, "what the camera sends is only a part of a JPEG");
  return std::move(body);
}

Result<HttpResponse> CameraPicture::ask(MonoTime deadline, const std::stop_token& stop) {
  const CameraHttp::Limits limits{kMostBytes, deadline};
  switch (http_.maker()) {
    case CameraMaker::hik:
      return ask_hik(limits, stop);
    case CameraMaker::dahua:
      return http_.get("/cgi-bin/snapshot.cgi?channel=" + std::to_string(http_.channel()), limits, stop);
    case CameraMaker::onvif:
      break;
  }
  return ask_onvif(limits, stop);
}

Result<HttpResponse> CameraPicture::ask_hik(const CameraHttp::Limits& limits, const std::stop_token& stop) {
  const std::string target =
      "/channels/" + std::to_string(http_.channel()) + "0" + std::to_string(http_.stream()) + "/picture";
  const auto at = [&](bool proxied) {
    return http_.get((proxied ? "/ISAPI/ContentMgmt/StreamingProxy" : "/ISAPI/Streaming") + target, limits, stop);
  };
  auto answer = at(proxied_);
  if (!is_elsewhere(answer)) return answer;
  auto other = at(!proxied_);
  if (!is_good(other)) return answer;
  proxied_ = !proxied_;
  return other;
}

Result<HttpResponse> CameraPicture::ask_onvif(const CameraHttp::Limits& limits, const std::stop_token& stop) {
  if (!uri_.empty()) {
    auto answer = http_.get_named(uri_, limits, stop);
    if (!answer || is_good(answer)) return answer;
    if (const Code code = error_of_answer(answer->status).code; code == Code::forbidden || code == Code::busy)
      return answer;
    uri_.clear();
  }
  onvif::Device device(
      {http_.address(), http_.username(), http_.password(), limits.deadline, http_.tls(), http_.ca_file()}, stop);
  auto uri = device.snapshot_uri(http_.profile());
  if (!uri) return uri.error_as_is();
  uri_ = std::move(*uri);
  return http_.get_named(uri_, limits, stop);
}

}  // namespace vedette
