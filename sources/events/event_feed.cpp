#include "sources/events/event_feed.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <vector>

#include "core/log.h"
#include "core/thread.h"
#include "net/http_client.h"
#include "sources/events/event_tracker.h"
#include "sources/events/event_vendor.h"
#include "sources/events/multipart.h"
#include "sources/network_url.h"
#include "sources/retry_pauses.h"
#include "sources/vendor_url.h"

namespace vedette {

namespace {

Error error_of_status(int status) {
  const std::string text = "events: the camera answers " + std::to_string(status);
  if (status == 401 || status == 403) return {Code::forbidden, text + " (user name or password)"};
  if (status == 404) return {Code::not_found, text + " (it has no events)"};
  if (status == 503) return {Code::busy, text};
  return {Code::camera_unavailable, text};
}

}  // namespace

// All of it is the thread's, but for what is constant.
struct EventFeed::Impl : HttpBody {
  Impl(EventFeedConfig c, EventVendor v, int channel_of_url, HttpRequest r, OnEvent on, const Clock& k)
      : config(std::move(c)),
        vendor(v),
        channel(channel_of_url),
        request(std::move(r)),
        on_event(std::move(on)),
        clock(k),
        tracker({config.hold, vendor.repeats}) {}

  Status begin(const HttpResponse& head) override;
  Status take(std::string_view bytes) override { return parts->take(bytes); }
  Result<microseconds> before_wait() override;

  void run(const std::stop_token& stop);
  Error session(const std::stop_token& stop);
  void pause(milliseconds duration, const std::stop_token& stop);
  void on_part(std::string_view part);
  void tell();

  const EventFeedConfig config;
  const EventVendor vendor;
  const int channel;
  const HttpRequest request;
  const OnEvent on_event;
  const Clock& clock;

  HttpClient http;
  EventTracker tracker;
  std::vector<CameraEvent> events;       // to be told
  std::optional<MultipartReader> parts;  // of this session, once its answer began
  MonoTime heard;                        // when the last part came, or the session began
  bool any_part = false;                 // in this session
  std::string failure;                   // why there is no connection, as it was logged

  std::jthread thread;
};

Status EventFeed::Impl::begin(const HttpResponse& head) {
  auto reader = MultipartReader::of(head.header("content-type").value_or(""), [this](auto part) { on_part(part); });
  if (!reader) return reader.error_as_is();
  parts = std::move(*reader);
  return {};
}

void EventFeed::Impl::on_part(std::string_view part) {
  heard = clock.mono();
  if (!any_part) log::info("the camera tells its events", {{"camera", config.camera_id}});
  any_part = true;
  failure.clear();
  const auto sign = vendor.read(part);
  if (!sign || sign->channel != channel) return;
  tracker.take(*sign, heard, events);
  tell();
}

Result<microseconds> EventFeed::Impl::before_wait() {
  const MonoTime now = clock.mono();
  tracker.expire(now, events);
  tell();
  const MonoTime dead = heard + config.silence;
  if (now >= dead)
    return fail(Code::timed_out,
                "events: the camera says nothing for " + std::to_string(to_ms(config.silence)) + " ms");
  return std::min(dead, tracker.next_due()) - now;
}

void EventFeed::Impl::tell() {
  for (const CameraEvent& event : events) on_event(config.camera_id, event);
  events.clear();
}

// Why it ended.
Error EventFeed::Impl::session(const std::stop_token& stop) {
  parts.reset();
  any_part = false;
  heard = clock.mono();
  const auto answer = http.stream(request, *this, stop);
  if (!answer) return answer.error();
  if (answer->status / 100 != 2) return error_of_status(answer->status);
  return {Code::camera_unavailable, "events: the camera's answer ended"};
}

// Events end meanwhile as well.
void EventFeed::Impl::pause(milliseconds duration, const std::stop_token& stop) {
  const MonoTime until = clock.mono() + duration;
  for (;;) {
    const MonoTime now = clock.mono();
    tracker.expire(now, events);
    tell();
    if (now >= until || wait_for(std::min(until, tracker.next_due()) - now, stop)) return;
  }
}

void EventFeed::Impl::run(const std::stop_token& stop) {
  RetryPauses pauses;
  while (!stop.stop_requested()) {
    const Error error = session(stop);
    if (stop.stop_requested()) return;
    tracker.connection_lost(clock.mono());
    if (any_part) pauses.reset();
    if (error.message != failure)
      log::warn("the camera does not tell its events; it is asked again",
                {{"camera", config.camera_id}, {"reason", error.message}});
    failure = error.message;
    pause(pauses.next(RetryPauses::after(error.code)), stop);
  }
}

Result<std::unique_ptr<EventFeed>> EventFeed::start(EventFeedConfig config, OnEvent on_event, const Clock& clock) {
  const auto vendor = event_vendor(config.url);
  if (!vendor) return vendor.error_as_is();
  const auto url = parse_vendor_url(config.url);
  if (!url) return url.error_as_is();
  auto address = parse_network_url("http://" + url->authority);
  if (!address) return address.error_as_is();
  address->port = config.http_port;
  HttpRequest request;
  request.url = "http://" + address->authority() + std::string(vendor->target);
  request.username = config.username.empty() ? url->username : config.username;
  request.password = config.password.empty() ? url->password : config.password;
  request.stall_timeout = config.silence;
  request.total_timeout = 0us;
  auto impl =
      std::make_unique<Impl>(std::move(config), *vendor, url->channel, std::move(request), std::move(on_event), clock);
  impl->thread = start_thread("evt-" + impl->config.camera_id,
                              [impl = impl.get()](const std::stop_token& stop) { impl->run(stop); });
  return std::unique_ptr<EventFeed>(new EventFeed(std::move(impl)));
}

EventFeed::EventFeed(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventFeed::~EventFeed() = default;

void EventFeed::request_stop() {
  impl_->thread.request_stop();
}

}  // namespace vedette
