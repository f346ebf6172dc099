#include "sources/events/multipart_dialogue.h"

#include <optional>

#include "net/http_client.h"
#include "sources/events/dahua_events.h"
#include "sources/events/hik_alerts.h"
#include "sources/events/multipart.h"
#include "sources/network_url.h"
#include "sources/vendor_url.h"

namespace vedette {

namespace {

// How one maker's cameras do it.
struct Vendor {
  std::string_view target;  // of the request
  std::optional<CameraSign> (*read)(std::string_view part);
  bool repeats;
};

constexpr Vendor kHikvision = {"/ISAPI/Event/notification/alertStream", read_hik_alert, true};
// By name, as [All] brings what has nothing to do with the picture; a heartbeat every 5 s.
constexpr Vendor kDahua = {
    "/cgi-bin/eventManager.cgi?action=attach&codes=[VideoMotion,SmartMotionHuman,"
    "SmartMotionVehicle,CrossLineDetection,CrossRegionDetection,VideoBlind,SceneChange,"
    "VideoLoss]&heartbeat=5",
    read_dahua_event, false};

Error error_of_status(int status) {
  const std::string text = "events: the camera answers " + std::to_string(status);
  if (status == 401 || status == 403) return {Code::forbidden, text + " (user name or password)"};
  if (status == 404) return {Code::not_found, text + " (it has no events)"};
  if (status == 503) return {Code::busy, text};
  return {Code::camera_unavailable, text};
}

// The parts of one answer, to the listener.
class Answer : public HttpBody {
 public:
  Answer(const Vendor& vendor, int channel, EventListener& listener)
      : vendor_(vendor), channel_(channel), listener_(listener) {}

  Status begin(const HttpResponse& head) override {
    auto reader = MultipartReader::of(head.header("content-type").value_or(""), [this](auto part) { on_part(part); });
    if (!reader) return reader.error_as_is();
    parts_ = std::move(*reader);
    return {};
  }
  Status take(std::string_view bytes) override { return parts_->take(bytes); }
  Result<microseconds> before_wait() override { return listener_.before_wait(); }

 private:
  void on_part(std::string_view part) {
    listener_.heard();
    const auto sign = vendor_.read(part);
    if (sign && sign->channel == channel_) listener_.take(*sign);
  }

  const Vendor& vendor_;
  const int channel_;
  EventListener& listener_;
  std::optional<MultipartReader> parts_;  // once the answer began
};

class MultipartDialogue : public EventDialogue {
 public:
  MultipartDialogue(const Vendor& vendor, int channel, HttpRequest request)
      : vendor_(vendor), channel_(channel), request_(std::move(request)) {}

  Error listen(EventListener& listener, const std::stop_token& stop) override {
    Answer answer(vendor_, channel_, listener);
    const auto ended = http_.stream(request_, answer, stop);
    if (!ended) return ended.error();
    if (ended->status / 100 != 2) return error_of_status(ended->status);
    return {Code::camera_unavailable, "events: the camera's answer ended"};
  }
  bool repeats() const override { return vendor_.repeats; }

 private:
  const Vendor& vendor_;
  const int channel_;
  const HttpRequest request_;
  HttpClient http_;
};

Result<std::unique_ptr<EventDialogue>> make(const Vendor& vendor, const EventFeedConfig& config) {
  const auto url = parse_vendor_url(config.url);
  if (!url) return url.error_as_is();
  const std::string scheme = config.http_tls ? "https://" : "http://";
  auto address = parse_network_url(scheme + url->authority);
  if (!address) return address.error_as_is();
  address->port = config.http_port;
  HttpRequest request;
  request.url = scheme + address->authority() + std::string(vendor.target);
  request.username = config.username.empty() ? url->username : config.username;
  request.password = config.password.empty() ? url->password : config.password;
  request.ca_file = config.ca_file;
  request.stall_timeout = config.silence;
  request.total_timeout = 0us;
  return std::make_unique<MultipartDialogue>(vendor, url->channel, std::move(request));
}

}  // namespace

Result<std::unique_ptr<EventDialogue>> make_hikvision_dialogue(const EventFeedConfig& config) {
  return make(kHikvision, config);
}

Result<std::unique_ptr<EventDialogue>> make_dahua_dialogue(const EventFeedConfig& config) {
  return make(kDahua, config);
}

}  // namespace vedette
