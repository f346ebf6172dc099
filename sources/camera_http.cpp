#include "sources/camera_http.h"

#include <algorithm>
#include <optional>

#include "core/text.h"
#include "sources/vendor_url.h"

namespace vedette {

namespace {

std::optional<CameraMaker> maker_of(std::string_view url) {
  if (url.starts_with("hik://")) return CameraMaker::hik;
  if (url.starts_with("dahua://")) return CameraMaker::dahua;
  if (url.starts_with("onvif://")) return CameraMaker::onvif;
  return std::nullopt;
}

}  // namespace

bool has_camera_http(std::string_view url) {
  return maker_of(url).has_value();
}

Result<CameraHttp> CameraHttp::of(const CameraHttpConfig& config) {
  const auto maker = maker_of(config.url);
  if (!maker) return fail(Code::unsupported, "only hik://, dahua:// and onvif:// cameras are asked over HTTP");
  CameraHttp http;
  http.maker_ = *maker;
  http.username_ = config.username;
  http.password_ = config.password;
  http.ca_file_ = config.ca_file;
  if (*maker == CameraMaker::onvif) {
    auto url = parse_network_url(config.url);
    if (!url) return url.error_as_is();
    http.profile_ = percent_decode(std::string_view(url->path).substr(url->path.empty() ? 0 : 1));
    http.address_ = std::move(*url);
    if (http.address_.port == 0) http.address_.port = config.http_port;
  } else {
    const auto url = parse_vendor_url(config.url);
    if (!url) return url.error_as_is();
    auto address = parse_network_url("http://" + url->authority);
    if (!address) return address.error_as_is();
    http.channel_ = url->channel;
    http.stream_ = url->streams.front();
    http.address_ = std::move(*address);
    http.address_.port = config.http_port;
    if (http.username_.empty()) http.username_ = url->username;
    if (http.password_.empty()) http.password_ = url->password;
  }
  http.address_.scheme = config.tls ? "https" : "http";
  http.address_.path.clear();
  http.address_.query.clear();
  return http;
}

Result<HttpResponse> CameraHttp::get(const std::string& target, const Limits& limits, const std::stop_token& stop) {
  return perform(address_, target, limits, stop);
}

Result<HttpResponse> CameraHttp::get_named(std::string_view url, const Limits& limits, const std::stop_token& stop) {
  auto where = parse_network_url(url);
  if (!where || (where->scheme != "http" && where->scheme != "https"))
    return fail(Code::camera_unavailable, "the camera names an address that is none");
  if (tls() && where->scheme != "https")
    return fail(Code::camera_unavailable, "the camera names an address without TLS, which is not used with http_tls");
  where->host = address_.host;
  const std::string target =
      (where->path.empty() ? "/" : where->path) + (where->query.empty() ? "" : "?" + where->query);
  return perform(*where, target, limits, stop);
}

Result<HttpResponse> CameraHttp::perform(const NetworkUrl& where, const std::string& target, const Limits& limits,
                                         const std::stop_token& stop) {
  const microseconds left = limits.deadline - Clock::system().mono();
  if (left <= 0us) return fail(Code::timed_out, "the camera does not answer in time");
  HttpRequest request;
  request.url = where.scheme + "://" + where.authority() + target;
  request.username = username_;
  request.password = password_;
  request.ca_file = ca_file_;
  request.connect_timeout = request.stall_timeout = request.total_timeout = left;
  request.most_response_bytes = limits.most_bytes;
  auto answer = http_->perform(request, stop);
  if (!answer && answer.error().code == Code::payload_too_large)
    return fail(Code::camera_unavailable,
                "the camera's answer is larger than " + std::to_string(limits.most_bytes) + " bytes");
  return answer;
}

Error error_of_answer(int status) {
  const std::string text = "the camera answers " + std::to_string(status);
  if (status == 401) return {Code::forbidden, text + " (user name or password)"};
  if (status == 403) return {Code::forbidden, text + " (its user may not do that)"};
  if (status == 404) return {Code::not_found, text + " (it has no such thing)"};
  if (status == 429 || status == 503) return {Code::busy, text + " (busy)"};
  if (status / 100 == 3) return {Code::camera_unavailable, text + " (it wants to be asked elsewhere, over HTTPS say)"};
  return {Code::camera_unavailable, text};
}

}  // namespace vedette
